"""The options that several verbs share, each declared once."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["DeviceName", "Format", "IndexDir", "OutputFormat", "Quiet", "Verbose"]


class Format(StrEnum):
    """How data is written to standard output."""

    TABLE = "table"
    TSV = "tsv"
    CSV = "csv"
    JSON = "json"
    JSONL = "jsonl"
    PARQUET = "parquet"


IndexDir = Annotated[
    Path | None,
    typer.Option(
        "--index",
        metavar="DIR",
        envvar="EMSEARCH_INDEX",
        help="Directory of the index; without it, the index that ships with emsearch.",
    ),
]
DeviceName = Annotated[
    str,
    typer.Option(
        "--device",
        metavar="auto|cpu|cuda[:N]",
        envvar="EMSEARCH_DEVICE",
        help="Where the network runs; auto takes a GPU where there is one.",
    ),
]
OutputFormat = Annotated[
    Format,
    typer.Option(
        "--format",
        "-f",
        metavar="|".join(Format),
        case_sensitive=False,
        help="How to write the result to standard output.",
    ),
]
Verbose = Annotated[
    int,
    typer.Option(
        "--verbose",
        "-v",
        count=True,
        show_default=False,
        help="Say more on standard error; -vv shows the traceback of an internal error.",
    ),
]
Quiet = Annotated[
    bool,
    typer.Option("--quiet", "-q", show_default=False, help="Say nothing on standard error but errors."),
]
