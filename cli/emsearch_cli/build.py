"""``emsearch build``: structure files to a searchable index."""

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import typer

from emsearch_cli.documents import write_document
from emsearch_cli.messages import Messages
from emsearch_cli.options import DeviceName, Format, OutputFormat, Quiet, Verbose
from emsearch_index.errors import UsageError

__all__ = ["build", "chosen_stages"]

_BUILD_DECIDES = "without it, the build decides"


def build(
    inputs: Annotated[
        list[Path],
        typer.Argument(
            metavar="INPUT...", help="Files or folders of mmCIF, PDB and density maps, or their .gz."
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Directory of the index.")],
    stages: Annotated[
        str | None,
        typer.Option(
            metavar="STAGE,...",
            help="Only these of ingest, group, train, index, calibrate, quantities, publish; without it, all of them.",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say how many files, images, gigabytes and hours, and stop.")
    ] = False,
    map_level: Annotated[
        float | None,
        typer.Option(
            metavar="DENSITY", help="Threshold of the density maps; without it, found for each map."
        ),
    ] = None,
    training_images: Annotated[
        int | None,
        typer.Option(
            min=0,
            metavar="N",
            help=f"How many simulated images to train on, 0 with --pretrained for none; {_BUILD_DECIDES}.",
        ),
    ] = None,
    quantity_images: Annotated[
        int | None,
        typer.Option(
            min=0,
            metavar="N",
            help="How many simulated images to fit the reading of mass, size and stain on, 0 for an index that does not "
            "read them; without it, 20,000.",
        ),
    ] = None,
    directions: Annotated[
        int | None,
        typer.Option(
            metavar="192|768|3072", help=f"Directions to index of each structure; {_BUILD_DECIDES}."
        ),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, metavar="N", help=f"Worker processes; {_BUILD_DECIDES}.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(metavar="N", help="Seed of everything random; without it, always the same.")
    ] = None,
    pretrained: Annotated[
        str | None,
        typer.Option(metavar="imagenet|FILE", help="Weights to start from; without it, random ones."),
    ] = None,
    device: DeviceName = "auto",
    form: OutputFormat = Format.TABLE,
    verbose: Verbose = 0,
    quiet: Quiet = False,
) -> None:
    """Build an index of structures and maps.

    The stages are ingest, group, train, index, calibrate, quantities and publish. A build that was interrupted goes on
    where it stopped.
    """
    from emsearch.build import STAGES, BuildSettings, nside_of_directions, plan
    from emsearch.build import build as build_index

    messages = Messages(verbose, quiet)
    given: dict[str, Any] = {
        "map_level": map_level,
        "training_images": training_images,
        "quantity_images": quantity_images,
        "nside": nside_of_directions(directions) if directions is not None else None,
        "workers": workers,
        "seed": seed,
        "pretrained": pretrained,
    }
    settings = BuildSettings(
        device=device, **{name: value for name, value in given.items() if value is not None}
    )
    selected = chosen_stages(stages, STAGES)
    messages.detail(f"settings: {settings}")
    if dry_run:
        write_document(dataclasses.asdict(plan(inputs, settings)), form)
    else:
        done = build_index(inputs, out, settings, stages=selected, report=messages.say)
        write_document(dataclasses.asdict(done), form)


def chosen_stages(text: str | None, known: tuple[str, ...]) -> tuple[str, ...]:
    """Return the stages named in a comma-separated text, in the order in which they run.

    >>> chosen_stages("group,ingest", ("ingest", "group", "train"))
    ('ingest', 'group')
    """
    if text is None:
        return known
    asked = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in asked if name not in known]
    if unknown or not asked:
        raise UsageError(
            f"--stages names {', '.join(unknown) or 'no stage'}; choose among {', '.join(known)}, "
            "separated by commas"
        )
    return tuple(name for name in known if name in asked)
