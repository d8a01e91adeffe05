"""The options that several verbs share, each declared once."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "Contrast",
    "ContrastSign",
    "DeviceName",
    "Format",
    "IndexDir",
    "InputPixelSize",
    "OutputFormat",
    "Quiet",
    "RootDir",
    "Verbose",
]


class Format(StrEnum):
    """How data is written to standard output."""

    TABLE = "table"
    TSV = "tsv"
    CSV = "csv"
    JSON = "json"
    JSONL = "jsonl"
    PARQUET = "parquet"


class Contrast(StrEnum):
    """Whether the particle is brighter or darker than its surroundings."""

    AUTO = "auto"
    BRIGHT = "bright"
    DARK = "dark"


IndexDir = Annotated[
    Path | None,
    typer.Option(
        "--index",
        metavar="DIR",
        envvar="EMSEARCH_INDEX",
        help="Directory of the index; without it, the index that ships with emsearch.",
    ),
]
InputPixelSize = Annotated[
    float | None,
    typer.Option("--pixel-size", metavar="ANGSTROM", help="Pixel size in A; without it, that of the input."),
]
ContrastSign = Annotated[
    Contrast,
    typer.Option(
        "--contrast",
        metavar="|".join(Contrast),
        help="Is the particle brighter or darker than its surroundings?",
    ),
]
RootDir = Annotated[
    Path | None,
    typer.Option("--root", metavar="DIR", help="Folder that the paths in a STAR or .cs file start from."),
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
