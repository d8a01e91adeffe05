"""``emsearch calibrate``: fit anew what an index says of images, on images of its own structures."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from emsearch_cli.messages import Messages
from emsearch_cli.options import DeviceName, Format, OutputFormat, Quiet, Verbose
from emsearch_cli.tables import Table, write_table

__all__ = ["Fitted", "calibrate"]


class Fitted(StrEnum):
    """What is fitted."""

    PROBABILITIES = "probabilities"
    QUANTITIES = "quantities"


_IMAGES = {Fitted.PROBABILITIES: 300, Fitted.QUANTITIES: 20_000}


def calibrate(
    index: Annotated[Path, typer.Argument(metavar="INDEX", help="Folder of the index.")],
    what: Annotated[
        Fitted,
        typer.Option(
            metavar="|".join(Fitted),
            help="probabilities: of hits and of none of these; quantities: of mass, size, shape and stain, off an image.",
        ),
    ] = Fitted.PROBABILITIES,
    images: Annotated[
        int | None,
        typer.Option(
            min=10,
            metavar="N",
            help="Simulated images to fit on; 300 for probabilities, which are matched, 20,000 for quantities.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Seed of the images.")] = 1,
    device: DeviceName = "auto",
    form: OutputFormat = Format.TABLE,
    verbose: Verbose = 0,
    quiet: Quiet = False,
) -> None:
    """Fit anew what an index says of images.

    A new generation is published beside the old; its network, vectors and catalogue stay as they were.
    """
    from emsearch.build.recalibrating import recalibrate, refit_quantities

    fit = recalibrate if what is Fitted.PROBABILITIES else refit_quantities
    report = Messages(verbose, quiet).say
    generation = fit(index, images=images or _IMAGES[what], seed=seed, device=device, report=report)
    fitted = generation.configuration["calibration" if what is Fitted.PROBABILITIES else "quantities"]
    write_table(Table.of([{"generation": generation.name, **fitted}]), form)
