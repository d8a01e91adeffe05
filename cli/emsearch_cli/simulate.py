"""``emsearch simulate``: what a structure would look like in the microscope."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from emsearch_cli.messages import Messages
from emsearch_cli.options import IndexDir, Quiet, Verbose

__all__ = ["Modality", "simulate"]


class Modality(StrEnum):
    """How the specimen was prepared."""

    STAIN = "stain"
    CRYO = "cryo"


def simulate(
    structure: Annotated[
        str,
        typer.Argument(
            metavar="STRUCTURE", help="A structure or map file, or the id of an entry of the index."
        ),
    ],
    out: Annotated[
        Path,
        typer.Option("--out", "-o", metavar="OUT.mrcs", help="Stack to write; a STAR file goes beside it."),
    ],
    images: Annotated[int, typer.Option(min=1, metavar="N", help="How many images.")] = 10,
    snr: Annotated[
        float,
        typer.Option(
            metavar="RATIO", help="Variance of signal over variance of noise inside the particle's disc."
        ),
    ] = 1.0,
    modality: Annotated[
        Modality, typer.Option(metavar="|".join(Modality), help="Negative stain or ice.")
    ] = Modality.STAIN,
    pixel_size: Annotated[
        float | None,
        typer.Option("--pixel-size", metavar="ANGSTROM", help="Pixel size in A; without it, from the size."),
    ] = None,
    box: Annotated[
        int | None,
        typer.Option(min=8, metavar="PIXELS", help="Side of the images; without it, from the size."),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed; the same one gives the same images.")] = 0,
    index: IndexDir = None,
    verbose: Verbose = 0,
    quiet: Quiet = False,
) -> None:
    """Simulate images of a structure.

    They are written as an MRC stack, with the ground truth in a STAR file beside it.
    """
    from emsearch.build import simulate_file

    written = simulate_file(
        structure,
        out,
        images=images,
        snr=snr,
        modality=modality.value,
        pixel_size_angstrom=pixel_size,
        box_px=box,
        seed=seed,
        index_dir=index,
    )
    Messages(verbose, quiet).say(f"wrote {images} images to {written}")
