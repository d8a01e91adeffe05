"""``emsearch groups``: the shape groups of the index."""

from pathlib import Path
from typing import Annotated, Any

import typer

from emsearch.shapes.ambiguity import AMBIGUOUS_RG_ANGSTROM
from emsearch_cli.catalogues import opened_beads, opened_catalogue
from emsearch_cli.folders import check_folders
from emsearch_cli.messages import Messages
from emsearch_cli.options import Format, IndexDir, OutputFormat, Quiet, Verbose
from emsearch_cli.tables import Table, write_table
from emsearch_index.errors import UsageError

__all__ = ["COLUMNS", "groups"]

COLUMNS = (
    "id",
    "name",
    "size_class",
    "members",
    "representative",
    "mass_kda",
    "dmax_angstrom",
    "ambiguous_at_20_angstrom",
)

_STATEMENT = """
    SELECT g.id, g.name, g.size_class, g.members, g.representative_id AS representative,
           s.mass_da / 1000 AS mass_kda, s.dmax_angstrom,
           s.rg_angstrom < ? AS ambiguous_at_20_angstrom
    FROM groups g LEFT JOIN structures s ON s.id = g.representative_id
    WHERE ? IS NULL OR g.size_class = ?
"""


def groups(
    size_class: Annotated[
        str | None, typer.Option("--size-class", metavar="NAME", help="Only the groups of this size class.")
    ] = None,
    sort: Annotated[
        str,
        typer.Option(
            metavar="COLUMN", help=f"One of {', '.join(COLUMNS)}; a minus before it puts the largest first."
        ),
    ] = "id",
    png: Annotated[
        Path | None,
        typer.Option("--png", metavar="FILE", help="Also draw a sheet of them, 60 groups in this order."),
    ] = None,
    sheet: Annotated[
        int, typer.Option("--sheet", min=1, metavar="N", help="Which sixty of them --png draws, from 1.")
    ] = 1,
    index: IndexDir = None,
    form: OutputFormat = Format.TABLE,
    verbose: Verbose = 0,
    quiet: Quiet = False,
) -> None:
    """List the shape groups of the index."""
    order = _order(sort)
    check_folders(png)
    with opened_catalogue(index) as catalogue:
        found = catalogue.rows(_STATEMENT + order, [AMBIGUOUS_RG_ANGSTROM, size_class, size_class])
        if size_class is not None and not found:
            known = ", ".join(
                row["name"]
                for row in catalogue.rows("SELECT name FROM size_classes ORDER BY dmax_min_angstrom")
            )
            raise UsageError(f"--size-class {size_class!r} has no groups; the size classes are {known}")
    write_table(Table.of(found, COLUMNS), form)
    if png is not None:
        _draw(found, sheet, index, png, Messages(verbose, quiet))


def _draw(found: list[dict[str, Any]], sheet: int, index: Path | None, png: Path, messages: Messages) -> None:
    from emsearch_cli.gallery.contact_sheet import GROUPS_A_SHEET, write_contact_sheet

    first = GROUPS_A_SHEET * (sheet - 1)
    some = found[first : first + GROUPS_A_SHEET]
    if not some:
        sheets = -(-len(found) // GROUPS_A_SHEET)
        raise UsageError(f"--sheet {sheet} has no groups: {len(found)} groups fill sheets 1 to {sheets}")
    title = f"shape groups {first + 1} to {first + len(some)} of {len(found)}"
    write_contact_sheet(some, opened_beads(index), title, png)
    messages.say(f"picture: {png}, {title}")


def _order(sort: str) -> str:
    column = sort.removeprefix("-")
    if column not in COLUMNS:
        raise UsageError(f"--sort {sort!r} is no column; choose one of {', '.join(COLUMNS)}")
    return f"ORDER BY {column} {'DESC' if sort.startswith('-') else 'ASC'} NULLS LAST, g.id"
