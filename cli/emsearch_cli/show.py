"""``emsearch show ID``: everything known of a structure or a shape group."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from emsearch_cli.catalogues import opened_catalogue
from emsearch_cli.documents import write_document
from emsearch_cli.options import Format, IndexDir, OutputFormat, Quiet, Verbose
from emsearch_cli.tables import Table
from emsearch_index.errors import UsageError

if TYPE_CHECKING:
    from emsearch_index.catalogue import Catalogue

__all__ = ["group_document", "show", "structure_document"]

_MEMBERS = """
    SELECT m.structure_id AS structure, m.similarity, m.mirror, s.mass_da / 1000 AS mass_kda,
           s.dmax_angstrom, s.title
    FROM group_members m LEFT JOIN structures s ON s.id = m.structure_id
    WHERE m.group_id = ? ORDER BY m.similarity DESC, m.structure_id
"""
_CHAINS = """
    SELECT entity, type, copies, residues, mass_da, sequence_sha256
    FROM chains WHERE structure_id = ? ORDER BY entity
"""
# The best score of any compared pair that joins the group with each other group.
_NEAREST_GROUPS = """
    WITH pairs AS (SELECT structure_a AS ours, structure_b AS theirs, score FROM similarities
                   UNION ALL SELECT structure_b, structure_a, score FROM similarities)
    SELECT t.group_id AS "group", g.name, arg_max(p.ours, p.score) AS structure,
           arg_max(p.theirs, p.score) AS other_structure, max(p.score) AS score
    FROM pairs p JOIN structures o ON o.id = p.ours JOIN structures t ON t.id = p.theirs
    LEFT JOIN groups g ON g.id = t.group_id
    WHERE o.group_id = ? AND t.group_id <> o.group_id
    GROUP BY t.group_id, g.name ORDER BY score DESC, t.group_id LIMIT ?
"""
_NEAREST_STRUCTURES = """
    WITH pairs AS (SELECT structure_b AS id, score FROM similarities WHERE structure_a = ?
                   UNION ALL SELECT structure_a, score FROM similarities WHERE structure_b = ?)
    SELECT p.id AS structure, s.group_id AS "group", p.score, s.title
    FROM pairs p LEFT JOIN structures s ON s.id = p.id ORDER BY p.score DESC, p.id LIMIT ?
"""


def show(
    identifier: Annotated[
        str,
        typer.Argument(
            metavar="ID", help="A structure, as in 6cvm, or a shape group, as `groups` lists them."
        ),
    ],
    nearest: Annotated[
        int,
        typer.Option("--nearest", min=0, metavar="N", help="How many of the most similar others to list."),
    ] = 5,
    index: IndexDir = None,
    form: OutputFormat = Format.TABLE,
    verbose: Verbose = 0,
    quiet: Quiet = False,
) -> None:
    """Show one structure or shape group.

    A structure comes with its chains and the structures most like it, a group with its members and the groups
    most like it.
    """
    with opened_catalogue(index) as catalogue:
        document = group_document(catalogue, identifier, nearest) or structure_document(
            catalogue, identifier, nearest
        )
    if document is None:
        raise UsageError(
            f"the index has no structure or group {identifier!r}; `emsearch groups` lists the groups and "
            "`emsearch sql 'SELECT id, title FROM structures'` the structures"
        )
    write_document(document, form)


def group_document(catalogue: "Catalogue", identifier: str, nearest: int) -> dict[str, Any] | None:
    """Return a group with its members and the groups most like it, None where there is none of that name."""
    found = catalogue.rows("SELECT * FROM groups WHERE lower(id) = lower(?)", [identifier])
    if not found:
        return None
    group = found[0]
    return {
        "kind": "group",
        **{("member_count" if name == "members" else name): value for name, value in group.items()},
        "members": Table.of(catalogue.rows(_MEMBERS, [group["id"]])),
        "nearest_groups": Table.of(catalogue.rows(_NEAREST_GROUPS, [group["id"], nearest])),
    }


def structure_document(catalogue: "Catalogue", identifier: str, nearest: int) -> dict[str, Any] | None:
    """Return a structure with its chains and the structures most like it, None where there is none of that name."""
    found = catalogue.rows("SELECT * FROM structures WHERE lower(id) = lower(?)", [identifier])
    if not found:
        return None
    structure = found[0]
    name = structure["id"]
    similar = catalogue.rows("SELECT similarity FROM group_members WHERE structure_id = ?", [name])
    return {
        "kind": "structure",
        **structure,
        "ambiguous_at_20_angstrom": _ambiguous(structure["rg_angstrom"]),
        "similarity_to_representative": similar[0]["similarity"] if similar else None,
        "chain_kinds": Table.of(catalogue.rows(_CHAINS, [name])),
        "nearest_structures": Table.of(catalogue.rows(_NEAREST_STRUCTURES, [name, name, nearest])),
    }


def _ambiguous(rg_angstrom: float | None) -> bool | None:
    from emsearch.shapes.ambiguity import is_ambiguous_at_20_angstrom

    return None if rg_angstrom is None else is_ambiguous_at_20_angstrom(rg_angstrom)
