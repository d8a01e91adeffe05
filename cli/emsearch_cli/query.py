"""``emsearch query``: which structures does the particle in this image look like?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emsearch_cli.folders import check_folders
from emsearch_cli.messages import Messages
from emsearch_cli.options import (
    Contrast,
    ContrastSign,
    DeviceName,
    Format,
    IndexDir,
    OutputFormat,
    Quiet,
    Verbose,
)
from emsearch_cli.render import write_answers
from emsearch_index.errors import UsageError

if TYPE_CHECKING:
    from emsearch.search.engine import SearchIndex
    from emsearch.search.hits import Answer
    from emsearch_cli.report.contents import Explained

__all__ = ["query"]


def query(
    image: Annotated[
        str,
        typer.Argument(
            metavar="IMAGE",
            help="PNG, TIFF, JPEG, MRC, HDF, IMAGIC or SPIDER file of one particle, or N@stack.mrcs (counted from 1).",
        ),
    ],
    pixel_size: Annotated[
        float | None,
        typer.Option(
            "--pixel-size",
            metavar="ANGSTROM",
            help="Pixel size in A; without it, that of the file's header, else every scale is searched.",
        ),
    ] = None,
    contrast: ContrastSign = Contrast.AUTO,
    top: Annotated[int, typer.Option(min=1, metavar="N", help="How many groups to list.")] = 5,
    rerank: Annotated[
        int,
        typer.Option(
            min=0,
            metavar="N",
            help="At most how many groups to compare by projection matching; 0 is none.",
        ),
    ] = 150,
    png: Annotated[
        Path | None,
        typer.Option("--png", metavar="OUT", help="Also draw the image beside the posed hits in this PNG."),
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Also write a report as one HTML page.")
    ] = None,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain",
            help="Show in the report what in the image speaks for the first hit rather than the second.",
        ),
    ] = False,
    denoised: Annotated[
        bool,
        typer.Option(
            "--denoised", help="Show a model's guess of the clean particle beside the image in the report."
        ),
    ] = False,
    cxc: Annotated[
        Path | None,
        typer.Option(
            "--cxc",
            metavar="FILE",
            help="Also write a ChimeraX script that opens the hits, superposed and in the view of the image.",
        ),
    ] = None,
    index: IndexDir = None,
    device: DeviceName = "auto",
    form: OutputFormat = Format.TABLE,
    verbose: Verbose = 0,
    quiet: Quiet = False,
) -> None:
    """Rank shape groups for a particle image.

    The network proposes groups, projection matching decides among the best of them and finds the pose.
    """
    from emsearch.search.engine import open_index
    from emsearch.search.searching import search_file

    messages = Messages(verbose, quiet)
    check_folders(png, html, cxc)
    if explain and html is None:
        raise UsageError("--explain is for the report; name one with --html, or use emsearch explain")
    if denoised and html is None:
        raise UsageError("--denoised is a picture of the report; give --html FILE as well")
    search_index = open_index(index, device=device)
    answers = search_file(
        search_index, image, pixel_size_angstrom=pixel_size, contrast=contrast.value, top=top, rerank=rerank
    )
    write_answers(answers, form)
    for answer in answers:
        for note in answer.notes:
            messages.say(f"note: {note}")
    if png is not None:
        _draw(search_index, answers, png, messages)
    if html is not None:
        from emsearch_cli.report.of_answers import report_of_answers
        from emsearch_cli.report.page import write_report

        explained = _explained(search_index, image, answers, pixel_size) if explain else None
        contents = report_of_answers(search_index, answers, explained)
        if denoised:
            from emsearch.denoising.weights import load_denoiser, shipped_weights
            from emsearch_cli.report.guesses import with_guesses

            contents = with_guesses(contents, load_denoiser(shipped_weights()))
        write_report(html, contents)
        messages.say(f"report: {html}")
    if cxc is not None:
        _write_models(search_index, answers, cxc, messages)


def _explained(
    index: "SearchIndex", image: str, answers: "list[Answer]", pixel_size_angstrom: float | None
) -> "list[Explained | None]":
    """Explain each answer whose first hit was matched."""
    from emsearch.particles.source import open_particles
    from emsearch_cli.report.explained import explained_image

    source = open_particles(image)
    return [
        explained_image(
            index,
            source,
            row,
            answer.hits[0].group,
            answer.hits[1].group if len(answer.hits) > 1 else None,
            pixel_size_angstrom=pixel_size_angstrom,
            contrast=answer.contrast,
        )
        if answer.hits[0].view is not None
        else None
        for row, answer in enumerate(answers)
    ]


def _draw(index: "SearchIndex", answers: "list[Answer]", png: Path, messages: Messages) -> None:
    from emsearch.search.picture import write_picture

    for answer in answers:
        path = _numbered(png, answer, answers)
        write_picture(index, answer, path)
        messages.say(f"picture: {path}")


def _write_models(index: "SearchIndex", answers: "list[Answer]", cxc: Path, messages: Messages) -> None:
    from emsearch_cli.chimerax import models_of_answer, write_chimerax

    for answer in answers:
        models = models_of_answer(answer)
        if not models:
            messages.say(f"note: no hit of image {answer.image} was matched, so none has a pose for ChimeraX")
            continue
        path = _numbered(cxc, answer, answers)
        write_chimerax(index, models, path)
        messages.say(f"ChimeraX: {path}")


def _numbered(path: Path, answer: "Answer", answers: "list[Answer]") -> Path:
    """Return where to write what belongs to one image: the path itself, or with the image's number."""
    return path if len(answers) == 1 else path.with_stem(f"{path.stem}-{answer.image}")
