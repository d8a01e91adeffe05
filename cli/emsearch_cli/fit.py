"""``emsearch fit``: bend a structure until its simulated image is the one that was seen."""

from pathlib import Path
from typing import Annotated

import typer

from emsearch_cli.documents import write_document
from emsearch_cli.folders import check_folders
from emsearch_cli.messages import Messages
from emsearch_cli.options import (
    Contrast,
    ContrastSign,
    DeviceName,
    Format,
    IndexDir,
    InputPixelSize,
    OutputFormat,
    Quiet,
    RootDir,
    Verbose,
)
from emsearch_cli.particle_progress import particle_progress
from emsearch_index.errors import UsageError

__all__ = ["fit"]


def fit(
    image: Annotated[
        str,
        typer.Argument(
            metavar="IMAGE", help="An image, N@stack, or a STAR or cryoSPARC table with one particle."
        ),
    ],
    structure: Annotated[
        str,
        typer.Argument(
            metavar="STRUCTURE", help="A structure or map file, or the id of an entry of the index."
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            metavar="DIR",
            help="Folder for figures, pictures and models; made if it is not there.",
        ),
    ],
    number: Annotated[
        int, typer.Option("--image", min=1, metavar="N", help="Which image of a stack, counted from 1.")
    ] = 1,
    modes: Annotated[
        int,
        typer.Option(min=1, max=30, metavar="N", help="How many of the softest normal modes may bend it."),
    ] = 10,
    expected: Annotated[
        float,
        typer.Option(
            "--expected-rmsd",
            min=0.1,
            max=20.0,
            metavar="ANGSTROM",
            help="How far it is expected to be bent, in A.",
        ),
    ] = 4.0,
    pixel_size: InputPixelSize = None,
    contrast: ContrastSign = Contrast.AUTO,
    root: RootDir = None,
    index: IndexDir = None,
    device: DeviceName = "auto",
    form: OutputFormat = Format.TABLE,
    verbose: Verbose = 0,
    quiet: Quiet = False,
) -> None:
    """Fit a structure to an image, bent along its normal modes.

    Finds its pose, then pose, stain, resolution and bend together, and says whether the image asks for the bend.
    """
    from emsearch.hybrid_fit.bending_to_fit import FitSettings
    from emsearch.hybrid_fit.fitted_image import fit_image
    from emsearch.hybrid_fit.report import fit_json, fit_summary
    from emsearch.particles.source import open_particles
    from emsearch.search.engine import open_index
    from emsearch_cli.fitted_files import write_fit

    messages = Messages(verbose, quiet)
    check_folders(out)
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file; give a folder to --out")
    source = open_particles(image, root=root)
    if number > source.count:
        raise UsageError(
            f"--image {number} is not within the {source.count} images of the input, counted from 1"
        )
    for note in source.notes:
        messages.say(f"note: {note}")
    opened = open_index(index, device=device)
    with particle_progress(messages) as progress:
        fitted = fit_image(
            opened,
            source,
            number - 1,
            structure,
            pixel_size_angstrom=pixel_size,
            contrast=contrast.value,
            settings=FitSettings(modes=modes, rmsd_angstrom=expected),
            progress=progress,
        )
    write_fit(fitted, out)
    if isinstance(fitted.subject.atoms, str):
        messages.say(f"note: no atoms were carried along: {fitted.subject.atoms}")
    messages.say(f"figures, pictures and models: {out}")
    write_document(fit_summary(fitted) if form is Format.TABLE else fit_json(fitted), form)
