"""``emsearch calibrate``: fit the probabilities of an index anew."""

from pathlib import Path
from typing import Annotated

import typer

from emsearch_cli.messages import Messages
from emsearch_cli.options import DeviceName, Format, OutputFormat, Quiet, Verbose
from emsearch_cli.tables import Table, write_table

__all__ = ["calibrate"]


def calibrate(
    index: Annotated[Path, typer.Argument(metavar="INDEX", help="Folder of the index.")],
    images: Annotated[int, typer.Option(min=10, metavar="N", help="Simulated images to fit on.")] = 300,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Seed of the images.")] = 1,
    device: DeviceName = "auto",
    form: OutputFormat = Format.TABLE,
    verbose: Verbose = 0,
    quiet: Quiet = False,
) -> None:
    """Fit the probabilities of an index anew.

    A new generation is published beside the old; its network, vectors and catalogue stay as they were.
    """
    from emsearch.build.recalibrating import recalibrate

    generation = recalibrate(
        index, images=images, seed=seed, device=device, report=Messages(verbose, quiet).say
    )
    weights = generation.configuration["calibration"]
    write_table(Table.of([{"generation": generation.name, **weights}]), form)
