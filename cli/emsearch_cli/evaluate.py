"""``emsearch evaluate``: how often does the right group come first?"""

import dataclasses
import math
from pathlib import Path
from typing import Annotated

import typer

from emsearch_cli.evaluation_output import OutputFiles, write_figures, write_files
from emsearch_cli.folders import check_folders
from emsearch_cli.messages import Messages
from emsearch_cli.options import DeviceName, Format, IndexDir, OutputFormat, Quiet, Verbose
from emsearch_cli.tables import Table, write_table
from emsearch_index.errors import UsageError

__all__ = ["evaluate", "signal_to_noise_levels"]

_SETS, _LEVELS, _IMAGES = "trained", "clean,10,2,0.5,0.1", 200
_QUICK_SETS, _QUICK_LEVELS, _QUICK_IMAGES = "trained,members,unknown", "10,2", 10


def evaluate(
    sets: Annotated[
        str,
        typer.Option(
            "--sets",
            metavar="SET,...",
            help="Of trained, members, deformed (or deformed-3, -5, -8), added, unknown, cryo.",
        ),
    ] = _SETS,
    snr: Annotated[
        str,
        typer.Option(
            "--snr",
            metavar="RATIO,...",
            help="Signal-to-noise ratios of stained images, or clean; cryo has 0.05.",
        ),
    ] = _LEVELS,
    images: Annotated[
        int, typer.Option(min=1, metavar="N", help="Test images of each set at each ratio.")
    ] = _IMAGES,
    groups: Annotated[
        int, typer.Option(min=2, metavar="N", help="Test on the groups of largest Dmax, this many of them.")
    ] = 100,
    rerank: Annotated[
        int,
        typer.Option(min=1, metavar="N", help="How many groups to compare by projection matching at most."),
    ] = 150,
    ceiling: Annotated[
        bool,
        typer.Option("--ceiling", help="Also match the same images exhaustively, which takes far longer."),
    ] = False,
    quick: Annotated[
        bool,
        typer.Option(
            "--quick",
            help=f"A look of under two minutes: {_QUICK_IMAGES} images of {_QUICK_SETS} at {_QUICK_LEVELS}.",
        ),
    ] = False,
    by_class: Annotated[
        bool, typer.Option("--by-class", help="Also give the figures of each size class.")
    ] = False,
    real: Annotated[
        Path | None,
        typer.Option(
            "--real",
            metavar="DIR",
            help="Search the labelled stacks of a folder with a manifest.tsv instead.",
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, metavar="N", help="Seed; the same one gives the same images.")
    ] = 0,
    parquet: Annotated[
        Path | None, typer.Option("--parquet", metavar="FILE", help="Write one row a query, with its truth.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write a page of all tables and figures.")
    ] = None,
    png: Annotated[
        Path | None, typer.Option("--png", metavar="FILE", help="Draw accuracy against the noise level.")
    ] = None,
    mistakes: Annotated[
        Path | None,
        typer.Option(
            "--mistakes", metavar="FILE", help="Draw the clearest mistakes: image, answer and truth (PNG)."
        ),
    ] = None,
    index: IndexDir = None,
    device: DeviceName = "auto",
    form: OutputFormat = Format.TABLE,
    verbose: Verbose = 0,
    quiet: Quiet = False,
) -> None:
    """Measure how often the right group comes first.

    The images are simulated at directions that the index does not hold, or are real ones with `--real`. Recognition
    comes with the errors of the poses and, for the set unknown, how well known images are told from unknown ones.
    """
    from emsearch.search.engine import open_index

    messages = Messages(verbose, quiet)
    if real is not None:
        if ceiling or quick or by_class or any((parquet, html, png, mistakes)):
            raise UsageError(
                "--real gives its table alone: leave out --ceiling, --quick, --by-class and output files"
            )
        from emsearch.evaluation.real import evaluate_real

        opened = open_index(index, device=device)
        scores = evaluate_real(opened, real, rerank=rerank, report=messages.say)
        write_table(Table.of([dataclasses.asdict(score) for score in scores]), form)
        return
    from emsearch.evaluation.protocol import Protocol, evaluate_index
    from emsearch.evaluation.sets import set_names

    if quick:
        sets, snr, images = _quick(sets, snr, images)
    protocol = Protocol(
        sets=set_names(sets),
        snr_levels=signal_to_noise_levels(snr),
        images=images,
        groups=groups,
        rerank=rerank,
        seed=seed,
        ceiling=ceiling,
    )
    files = OutputFiles(parquet, html, png, mistakes)
    check_folders(*files.asked_for)
    opened = open_index(index, device=device)
    messages.say(f"evaluating {images} images of each set at each noise level")
    evaluation = evaluate_index(opened, protocol, messages.say)
    write_figures(evaluation, form, by_class)
    for path in write_files(opened, protocol, evaluation, files):
        messages.say(f"written: {path}")


def _quick(sets: str, snr: str, images: int) -> tuple[str, str, int]:
    if (sets, snr, images) != (_SETS, _LEVELS, _IMAGES):
        raise UsageError(
            "--quick chooses --sets, --snr and --images itself; leave them out, or leave out --quick"
        )
    return _QUICK_SETS, _QUICK_LEVELS, _QUICK_IMAGES


def signal_to_noise_levels(text: str) -> tuple[float, ...]:
    """Return the numbers of a comma-separated list; "clean" is infinity.

    >>> signal_to_noise_levels("clean, 10, 0.5")
    (inf, 10.0, 0.5)
    """
    items = [item.strip() for item in text.split(",") if item.strip()]
    try:
        levels = [math.inf if item == "clean" else float(item) for item in items]
    except ValueError:
        levels = []
    finite = all(
        level > 0 and (item == "clean" or math.isfinite(level))
        for item, level in zip(items, levels, strict=False)
    )
    if not levels or not finite:
        raise UsageError(
            f"--snr is {text!r}; give positive numbers or clean, separated by commas, as in clean,10,0.5"
        )
    return tuple(dict.fromkeys(levels))
