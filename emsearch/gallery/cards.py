"""The card of a shape: what it is, its measures, its group and the groups most like it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from emsearch.gallery.relations import members_of_group, nearest_groups
from emsearch_index.catalogue import Catalogue
from emsearch_index.errors import UsageError

__all__ = ["Card", "CardMember", "CardNeighbour", "Measures", "read_card", "unknown_identifier"]


@dataclass(frozen=True, slots=True)
class Measures:
    """Mass, shape and origin of a structure as the catalogue has them; None where it has not."""

    mass_kda: float | None
    dmax_angstrom: float | None
    rg_angstrom: float | None
    anisotropy: float | None
    volume_angstrom3: float | None
    symmetry: str | None
    chains: int | None
    residues: int | None
    method: str | None
    resolution_angstrom: float | None
    organism: str | None


@dataclass(frozen=True, slots=True)
class CardMember:
    """A member of the group and how like the representative it is, 0 to 1."""

    structure: str
    title: str
    similarity: float | None
    mirror: bool


@dataclass(frozen=True, slots=True)
class CardNeighbour:
    """Another group, with the best score of a compared pair; ``structure`` is the one of that pair that is theirs."""

    group: str
    name: str
    structure: str
    score: float


@dataclass(frozen=True, slots=True)
class Card:
    """A structure, or a group by its representative.

    ``structure`` is what is drawn and measured. ``members`` are those of its group, the representative first, ``nearest``
    the groups most like it, the most similar first.
    """

    kind: Literal["group", "structure"]
    id: str
    title: str
    structure: str
    group: str | None
    size_class: str | None
    measures: Measures
    members: tuple[CardMember, ...]
    nearest: tuple[CardNeighbour, ...]


def unknown_identifier(identifier: str) -> UsageError:
    """Return the error that says that the index has nothing of this name."""
    return UsageError(
        f"the index has no structure or group {identifier!r}; `emsearch groups` lists the groups and "
        "`emsearch sql 'SELECT id, title FROM structures'` the structures"
    )


def read_card(catalogue: Catalogue, identifier: str, nearest: int = 5) -> Card:
    """Return the card of a group or structure, whatever the case of its name; UsageError where there is none of it."""
    groups = catalogue.rows("SELECT * FROM groups WHERE lower(id) = lower(?)", [identifier])
    wanted = groups[0]["representative_id"] if groups else identifier
    structures = catalogue.rows("SELECT * FROM structures WHERE lower(id) = lower(?)", [wanted])
    if not structures:
        raise unknown_identifier(identifier)
    structure = structures[0]
    group = groups[0]["id"] if groups else structure["group_id"]
    members = members_of_group(catalogue, group) if group is not None else []
    ours = [member["structure"] for member in members] if groups else [structure["id"]]
    return Card(
        kind="group" if groups else "structure",
        id=groups[0]["id"] if groups else structure["id"],
        title=(groups[0]["name"] if groups else structure["title"]) or "",
        structure=structure["id"],
        group=group,
        size_class=structure["size_class"],
        measures=_measures(structure),
        members=tuple(
            CardMember(row["structure"], row["title"] or "", row["similarity"], bool(row["mirror"]))
            for row in members
        ),
        nearest=tuple(
            CardNeighbour(row["group"], row["name"] or "", row["other_structure"], row["score"])
            for row in nearest_groups(catalogue, ours, nearest)
        ),
    )


def _measures(row: Mapping[str, Any]) -> Measures:
    return Measures(
        mass_kda=None if row["mass_da"] is None else row["mass_da"] / 1000,
        dmax_angstrom=row["dmax_angstrom"],
        rg_angstrom=row["rg_angstrom"],
        anisotropy=row["anisotropy"],
        volume_angstrom3=row["volume_angstrom3"],
        symmetry=row["symmetry"],
        chains=row["chains"],
        residues=row["residues"],
        method=row["method"],
        resolution_angstrom=row["resolution_angstrom"],
        organism=row["organism"],
    )
