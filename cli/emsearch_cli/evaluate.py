"""``emsearch evaluate``: how often does the right group come first?"""

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from emsearch_cli.messages import Messages
from emsearch_cli.options import DeviceName, Format, IndexDir, OutputFormat, Quiet, Verbose
from emsearch_cli.tables import Table, write_table
from emsearch_index.errors import UsageError

__all__ = ["evaluate", "signal_to_noise_levels"]


def evaluate(
    snr: Annotated[
        str, typer.Option("--snr", metavar="RATIO,...", help="Signal-to-noise ratios to test at.")
    ] = "10,2,0.5,0.1",
    images: Annotated[int, typer.Option(min=1, metavar="N", help="Test images at each ratio.")] = 200,
    groups: Annotated[
        int, typer.Option(min=2, metavar="N", help="Test on the groups of largest Dmax, this many of them.")
    ] = 100,
    rerank: Annotated[
        int, typer.Option(min=1, metavar="N", help="How many groups to compare by projection matching.")
    ] = 100,
    real: Annotated[
        Path | None,
        typer.Option(
            "--real",
            metavar="DIR",
            help="Search the labelled stacks of a folder with a manifest.tsv instead.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed; the same one gives the same images.")] = 0,
    index: IndexDir = None,
    device: DeviceName = "auto",
    form: OutputFormat = Format.TABLE,
    verbose: Verbose = 0,
    quiet: Quiet = False,
) -> None:
    """Measure how often the right group comes first.

    The images are simulated at directions that the index does not hold, or are real ones with `--real`.
    """
    from emsearch.evaluation.trained import evaluate_index
    from emsearch.search.engine import open_index

    levels = signal_to_noise_levels(snr)
    messages = Messages(verbose, quiet)
    if real is not None:
        from emsearch.evaluation.real import evaluate_real

        opened = open_index(index, device=device)
        scores = evaluate_real(opened, real, rerank=rerank, report=messages.say)
        write_table(Table.of([dataclasses.asdict(score) for score in scores]), form)
        return
    messages.say(f"evaluating {images} images at each of {len(levels)} noise levels")
    rows = evaluate_index(
        open_index(index, device=device),
        snr_levels=levels,
        groups=groups,
        images=images,
        seed=seed,
        rerank=rerank,
        report=messages.say,
    )
    write_table(Table.of([dataclasses.asdict(row) for row in rows]), form)


def signal_to_noise_levels(text: str) -> tuple[float, ...]:
    """Return the numbers of a comma-separated list.

    >>> signal_to_noise_levels("10, 0.5")
    (10.0, 0.5)
    """
    try:
        levels = tuple(float(item) for item in text.split(",") if item.strip())
    except ValueError:
        levels = ()
    if not levels or not all(0 < level < float("inf") for level in levels):
        raise UsageError(f"--snr is {text!r}; give positive numbers separated by commas, as in 10,2,0.5")
    return levels
