"""``emsearch show ID``: everything known of a structure or a shape group."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emsearch_cli.catalogues import opened_beads, opened_catalogue, opened_generation
from emsearch_cli.documents import write_document
from emsearch_cli.folders import check_folders, write_whole
from emsearch_cli.messages import Messages
from emsearch_cli.options import Format, IndexDir, OutputFormat, Quiet, Verbose
from emsearch_cli.tables import Table

if TYPE_CHECKING:
    from emsearch_index.catalogue import Catalogue

__all__ = ["group_document", "show", "structure_document"]

_CHAINS = """
    SELECT entity, type, copies, residues, mass_da, sequence_sha256
    FROM chains WHERE structure_id = ? ORDER BY entity
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
    png: Annotated[
        Path | None,
        typer.Option(
            "--png", metavar="FILE", help="Also draw its card: six views, measures, what is like it."
        ),
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Also write its card as one HTML page.")
    ] = None,
    cxc: Annotated[
        Path | None,
        typer.Option(
            "--cxc",
            metavar="FILE",
            help="Also write a ChimeraX script that opens it with the members of its group, superposed.",
        ),
    ] = None,
    index: IndexDir = None,
    form: OutputFormat = Format.TABLE,
    verbose: Verbose = 0,
    quiet: Quiet = False,
) -> None:
    """Show one structure or shape group.

    A structure comes with its chains and the structures most like it, a group with its members and the groups
    most like it.
    """
    from emsearch.gallery.cards import unknown_identifier

    check_folders(png, html, cxc)
    with opened_catalogue(index) as catalogue:
        document = group_document(catalogue, identifier, nearest) or structure_document(
            catalogue, identifier, nearest
        )
        if document is None:
            raise unknown_identifier(identifier)
        write_document(document, form)
        messages = Messages(verbose, quiet)
        if png is not None or html is not None:
            _write_cards(catalogue, index, document["id"], nearest, png, html, messages)
        if cxc is not None:
            _write_models(catalogue, index, document["id"], cxc, messages)


def _write_cards(
    catalogue: "Catalogue",
    index: Path | None,
    identifier: str,
    nearest: int,
    png: Path | None,
    html: Path | None,
    messages: Messages,
) -> None:
    from emsearch.gallery.cards import read_card
    from emsearch_cli.gallery.drawn import draw_card

    drawn = draw_card(read_card(catalogue, identifier, nearest), opened_beads(index))
    if png is not None:
        from emsearch_cli.gallery.card_sheet import write_card_sheet

        write_card_sheet(drawn, png)
        messages.say(f"picture: {png}")
    if html is not None:
        from emsearch_cli.gallery.card_page import render_card

        write_whole(html, render_card(drawn, opened_generation(index).name))
        messages.say(f"page: {html}")


def _write_models(
    catalogue: "Catalogue", index: Path | None, identifier: str, cxc: Path, messages: Messages
) -> None:
    from emsearch.gallery.cards import read_card
    from emsearch.gallery.superposed import superposed_members
    from emsearch_cli.chimerax import write_superposed

    members = superposed_members(catalogue, opened_beads(index), read_card(catalogue, identifier, 0))
    write_superposed(members, cxc)
    messages.say(f"ChimeraX: {cxc}")


def group_document(catalogue: "Catalogue", identifier: str, nearest: int) -> dict[str, Any] | None:
    """Return a group with its members and the groups most like it, None where there is none of that name."""
    found = catalogue.rows("SELECT * FROM groups WHERE lower(id) = lower(?)", [identifier])
    if not found:
        return None
    from emsearch.gallery.relations import members_of_group, nearest_groups

    group = found[0]
    members = members_of_group(catalogue, group["id"])
    return {
        "kind": "group",
        **{("member_count" if name == "members" else name): value for name, value in group.items()},
        "members": Table.of(members),
        "nearest_groups": Table.of(nearest_groups(catalogue, [row["structure"] for row in members], nearest)),
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
