"""``emsearch denoise``: a model's guess of the clean particle behind the noise."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emsearch_cli.folders import check_folders
from emsearch_cli.messages import Messages
from emsearch_cli.options import (
    Contrast,
    ContrastSign,
    Format,
    InputPixelSize,
    OutputFormat,
    Quiet,
    RootDir,
    Verbose,
)
from emsearch_cli.particle_progress import particle_progress
from emsearch_cli.tables import Table, write_table
from emsearch_index.errors import IncompleteError, UsageError

if TYPE_CHECKING:
    from emsearch.denoising.denoised_images import DenoisedImages

__all__ = ["Weights", "denoise"]

_SUFFIXES = (".mrcs", ".mrc", ".png")

Weights = Annotated[
    Path | None,
    typer.Option(
        "--weights",
        metavar="FILE",
        help="Weights that train-denoiser wrote; without it, those that ship with emsearch.",
    ),
]


def denoise(
    images: Annotated[
        str,
        typer.Argument(
            metavar="INPUT",
            help="An image, a stack or N@stack, a STAR or cryoSPARC table, or a folder of pictures.",
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", metavar="FILE", help="Stack to write (.mrcs), or picture of one image (.png)."
        ),
    ],
    pixel_size: InputPixelSize = None,
    contrast: ContrastSign = Contrast.AUTO,
    weights: Weights = None,
    root: RootDir = None,
    form: OutputFormat = Format.TABLE,
    verbose: Verbose = 0,
    quiet: Quiet = False,
) -> None:
    """Guess the clean, fully stained projection behind noisy images.

    The pictures keep the box and pixel size of the input; the particle is bright. They are a model's guess, and are labelled
    so: look at them, and measure nothing in them. "strength" is about the correlation with the truth that the model expects.
    """
    from emsearch.denoising.denoised_images import GUESS_LABEL, denoise_source, write_guesses
    from emsearch.denoising.weights import load_denoiser, shipped_weights
    from emsearch.particles.source import open_particles

    messages = Messages(verbose, quiet)
    check_folders(out)
    if out.suffix.lower() not in _SUFFIXES:
        raise UsageError(f"{out} is neither .mrcs, .mrc nor .png; give one of these to --out")
    source = open_particles(images, root=root)
    for note in source.notes:
        messages.say(f"note: {note}")
    if out.suffix.lower() == ".png" and source.count > 1:
        raise UsageError(f"{source.count:,} images do not go into one PNG; give a file .mrcs to --out")
    denoiser = load_denoiser(weights or shipped_weights())
    with particle_progress(messages) as progress:
        denoised = denoise_source(
            denoiser,
            source,
            pixel_size_angstrom=pixel_size,
            contrast=contrast.value,
            progress=lambda done, of: progress("images denoised", done, of),
        )
    write_guesses(denoised, out)
    _tell(denoised, form, messages)
    messages.say(f"{GUESS_LABEL}: {out}")
    if denoised.unused:
        raise IncompleteError(
            f"{len(denoised.unused)} of {source.count:,} images could not be denoised; the others are in {out}"
        )


def _tell(denoised: "DenoisedImages", form: Format, messages: Messages) -> None:
    for problem in denoised.unused:
        messages.say(f"not denoised: {problem}")
    if denoised.pixel_size_angstrom is None:
        messages.say("note: no pixel size was given or found; each picture was taken to fill the box")
    rows = [
        {
            "section": k,
            "image": name,
            "pixel_size_angstrom": denoised.pixel_size_angstrom,
            "contrast": denoised.contrast,
            "strength": round(float(strength), 3),
        }
        for k, (name, strength) in enumerate(zip(denoised.names, denoised.strength, strict=True), start=1)
    ]
    write_table(Table.of(rows), form)
