"""What the pages and the interface tell of the catalogue; each call opens it anew, which takes a few milliseconds."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from emsearch.shapes.ambiguity import AMBIGUOUS_RG_ANGSTROM
from emsearch_cli.catalogues import CATALOGUE_NAME
from emsearch_cli.groups import COLUMNS
from emsearch_cli.plain_values import plain
from emsearch_cli.show import group_document, structure_document
from emsearch_cli.tables import Table
from emsearch_index.catalogue import Catalogue
from emsearch_index.errors import UsageError

if TYPE_CHECKING:
    from emsearch_index.generation import Generation

__all__ = ["facts", "group_of", "groups_page", "sizes_of", "structure_of"]

_MATCHING = """
    FROM groups g LEFT JOIN structures s ON s.id = g.representative_id
    WHERE ($1 = '' OR g.size_class = $1)
      AND ($2 = '' OR contains(lower(concat_ws(' ', g.id, g.name, s.title)), lower($2))
           OR g.id IN (SELECT o.group_id FROM structures o
                       WHERE contains(lower(concat_ws(' ', o.id, o.title, o.organism)), lower($2))))
"""
_GROUPS = f"""
    SELECT g.id, g.name, g.size_class, g.members, g.representative_id AS representative, s.title,
           s.mass_da / 1000 AS mass_kda, s.dmax_angstrom,
           s.rg_angstrom < {AMBIGUOUS_RG_ANGSTROM} AS ambiguous_at_20_angstrom
    {_MATCHING}
"""
_FACTS = """
    SELECT (SELECT count(*) FROM structures) AS structures, (SELECT count(*) FROM groups) AS "groups",
           (SELECT count(*) FROM views) AS views
"""
_SIZES = """
    SELECT name, dmax_min_angstrom, dmax_max_angstrom, pixel_size_angstrom, box_px
    FROM size_classes ORDER BY dmax_min_angstrom
"""
_NEAREST = 6


@contextmanager
def _opened(generation: "Generation") -> Iterator[Catalogue]:
    with Catalogue(generation.file(CATALOGUE_NAME)) as catalogue:
        yield catalogue


def facts(generation: "Generation") -> dict[str, Any]:
    """Return how many structures, groups and views there are, and the size classes."""
    with _opened(generation) as catalogue:
        return {**catalogue.rows(_FACTS)[0], "size_classes": catalogue.rows(_SIZES)}


def groups_page(
    generation: "Generation", *, text: str, size_class: str, sort: str, first: int, count: int
) -> tuple[list[dict[str, Any]], int]:
    """Return some groups and how many there are: of a size class, with a text in their or a member's name or title.

    Raises
    ------
    UsageError
        ``sort`` is no column of `emsearch groups`.
    """
    column = sort.removeprefix("-")
    if column not in COLUMNS:
        raise UsageError(f"sort {sort!r} is no column; choose one of {', '.join(COLUMNS)}")
    order = f"ORDER BY {column} {'DESC' if sort.startswith('-') else 'ASC'} NULLS LAST, g.id"
    given = [size_class, text]
    with _opened(generation) as catalogue:
        total = catalogue.rows(f"SELECT count(*) AS n {_MATCHING}", given)[0]["n"]
        rows = catalogue.rows(f"{_GROUPS} {order} LIMIT $3 OFFSET $4", [*given, count, first])
    return [_plain(row) for row in rows], total


def group_of(generation: "Generation", identifier: str) -> dict[str, Any] | None:
    """Return what `emsearch show` tells of a group, tables as lists."""
    with _opened(generation) as catalogue:
        document = group_document(catalogue, identifier, _NEAREST)
    return None if document is None else _plain(document)


def structure_of(generation: "Generation", identifier: str) -> dict[str, Any] | None:
    """Return what `emsearch show` tells of a structure, tables as lists."""
    with _opened(generation) as catalogue:
        document = structure_document(catalogue, identifier, _NEAREST)
    return None if document is None else _plain(document)


def sizes_of(generation: "Generation") -> dict[str, float]:
    """Return the largest dimension of every structure, in A."""
    with _opened(generation) as catalogue:
        return {
            row["id"]: row["dmax_angstrom"]
            for row in catalogue.rows("SELECT id, dmax_angstrom FROM structures WHERE dmax_angstrom > 0")
        }


def _plain(document: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.records() if isinstance(value, Table) else plain(value)
        for name, value in document.items()
    }
