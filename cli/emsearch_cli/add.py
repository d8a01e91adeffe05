"""``emsearch add``: structures and maps to an index that stands."""

from pathlib import Path
from typing import Annotated

import typer

from emsearch_cli.messages import Messages
from emsearch_cli.options import DeviceName, Format, IndexDir, OutputFormat, Quiet, Verbose
from emsearch_cli.tables import Table, write_table
from emsearch_index.errors import UsageError

__all__ = ["add"]

_COLUMNS = ("structure", "group", "new_group", "size_class", "similarity")


def add(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...", help="Files or folders of mmCIF, PDB and density maps, or their .gz."
        ),
    ],
    index: IndexDir = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="DIR",
            help="Directory of the new index, which --index is copied to; without it, --index itself grows. "
            "The index that ships is never changed unless --index names it.",
        ),
    ] = None,
    map_level: Annotated[
        float | None,
        typer.Option(
            metavar="DENSITY", help="Threshold of the density maps; without it, found for each map."
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Worker processes; without it, one for each core."),
    ] = None,
    device: DeviceName = "auto",
    form: OutputFormat = Format.TABLE,
    verbose: Verbose = 0,
    quiet: Quiet = False,
) -> None:
    """Add structures and maps to an index without training.

    Each joins a shape group or becomes a new one. A new generation is published beside the old; groups, vectors and
    network that were there stay as they were. What the index has already is passed over.
    """
    if index is None and out is None:
        raise UsageError(
            "neither --index nor --out was given, and the index that ships with emsearch is not changed; "
            "name your index with --index, or a new directory with --out"
        )
    from emsearch.build.adding.add import add as add_to_index
    from emsearch_index.generation import default_index_dir

    messages = Messages(verbose, quiet)
    done = add_to_index(
        files,
        index if index is not None else default_index_dir(),
        out,
        map_level=map_level,
        workers=workers,
        device=device,
        report=messages.say,
    )
    rows = [[getattr(one, name) for name in _COLUMNS] for one in done.added]
    write_table(Table(_COLUMNS, rows), form)
    if done.added:
        messages.say(f"{done.generation}: {len(done.added)} added")
