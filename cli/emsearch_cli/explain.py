"""``emsearch explain``: why did this image match, and what of the molecule does it speak of?"""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
from emsearch_cli.tables import Table, json_text
from emsearch_index.errors import UsageError

if TYPE_CHECKING:
    from emsearch.explanation.explained_images import ExplainedImages
    from emsearch.search.engine import SearchIndex

__all__ = ["ExplainMethod", "explain"]

_MOST_IMAGES = 100  # each takes seconds, and the mean over directions changes little beyond


class ExplainMethod(StrEnum):
    """What is explained: the match, or the network in one of three ways."""

    MATCH = "match"
    CAM = "cam"
    LIME = "lime"
    SHAP = "shap"
    ALL = "all"


def explain(
    image: Annotated[
        str,
        typer.Argument(
            metavar="INPUT",
            help="An image, a stack or N@stack, a STAR or cryoSPARC table, or a folder of pictures, all of one molecule.",
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            metavar="DIR",
            help="Folder for the pictures, arrays and models; made if it is not there.",
        ),
    ],
    hit: Annotated[
        str,
        typer.Option(
            "--hit",
            metavar="RANK|GROUP",
            help="What to explain: a rank, a group or a structure of the index.",
        ),
    ] = "1",
    rather_than: Annotated[
        str | None,
        typer.Option(
            "--rather-than",
            metavar="RANK|GROUP",
            help="Explain what tells the hit from this one; without it, from no particle (match) and from all other groups "
            "(network).",
        ),
    ] = None,
    method: Annotated[
        ExplainMethod,
        typer.Option(
            metavar="|".join(ExplainMethod),
            help="match: the log-likelihood of the posed projection, pixel by pixel; cam, lime, shap: the network.",
        ),
    ] = ExplainMethod.MATCH,
    images: Annotated[
        str | None,
        typer.Option(
            "--images", metavar="LIST", help="Which images of a stack, as in 1-30 or 1-5,9; without it, all."
        ),
    ] = None,
    pixel_size: InputPixelSize = None,
    contrast: ContrastSign = Contrast.AUTO,
    rerank: Annotated[
        int,
        typer.Option(min=1, metavar="N", help="At most how many groups to compare to find a rank."),
    ] = 150,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of LIME, SHAP and their segments.")] = 0,
    root: RootDir = None,
    index: IndexDir = None,
    device: DeviceName = "auto",
    form: OutputFormat = Format.TABLE,
    verbose: Verbose = 0,
    quiet: Quiet = False,
) -> None:
    """Show why an image matched its hit.

    Maps of what speaks for the hit, laid over the image and carried back onto the molecule, and figures that say
    how far the maps are to be believed. Several images are explained one by one and averaged over the molecule.
    """
    from emsearch.explanation.explained_images import explain_images, rows_of
    from emsearch.explanation.methods import METHODS, method_named
    from emsearch.explanation.perturbing import Perturbing
    from emsearch.particles.source import open_particles
    from emsearch.search.engine import open_index

    messages = Messages(verbose, quiet)
    check_folders(out)
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file; give a folder to --out")
    source = open_particles(image, root=root)
    rows = rows_of(images, source.count)
    if len(rows) > _MOST_IMAGES:
        raise UsageError(
            f"{len(rows):,} images are more than the {_MOST_IMAGES} that are explained together; choose some with --images"
        )
    for note in source.notes:
        messages.say(f"note: {note}")
    opened = open_index(index, device=device)
    with particle_progress(messages) as progress:
        explained = explain_images(
            opened,
            source,
            rows,
            METHODS if method is ExplainMethod.ALL else (method_named(method.value),),
            hit=hit,
            rather_than=rather_than,
            pixel_size_angstrom=pixel_size,
            contrast=contrast.value,
            rerank=rerank,
            perturbing=Perturbing(seed=seed),
            progress=progress if len(rows) > 1 else lambda what, done, of: None,
        )
    _write(opened, explained, out, messages)
    _tell(explained, form, messages)


def _write(index: "SearchIndex", explained: "ExplainedImages", out: Path, messages: Messages) -> None:
    from emsearch.explanation.picture import write_explanation
    from emsearch.explanation.report import explanation_json, write_arrays
    from emsearch_cli.explained_residues import write_residues

    out.mkdir(exist_ok=True)
    write_explanation(index, explained.explanations[explained.clearest], out / "explanation.png")
    write_arrays(explained, out / "explanation.npz")
    (out / "explanation.json").write_text(
        json_text(explanation_json(explained), indent=2) + "\n", encoding="utf-8"
    )
    write_residues(index, explained, out)
    messages.say(f"picture, arrays, figures and residues for ChimeraX: {out}")


def _tell(explained: "ExplainedImages", form: Format, messages: Messages) -> None:
    from emsearch.explanation.report import explanation_json, method_rows

    for problem in explained.unused:
        messages.say(f"not explained: {problem}")
    document = explanation_json(explained)
    if form is not Format.TABLE:
        write_document(document, form)
        return
    write_document(
        {
            "hit": f"{explained.hit.id} ({explained.structure})",
            "rather_than": "-"
            if explained.rival is None
            else f"{explained.rival.id} ({explained.rival.representative})",
            "images": len(explained.rows),
            "log_likelihood": _mean([e["log_likelihood"] for e in document["images"]]),
            "expected_log_likelihood": _mean([e["expected_log_likelihood"] for e in document["images"]]),
            "log_odds_of_network": _mean([e["log_odds_of_network"] for e in document["images"]]),
            "methods": Table.of(method_rows(explained)),
        },
        form,
    )


def _mean(values: list[float]) -> float:
    return round(sum(values) / len(values), 3)
