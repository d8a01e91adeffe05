"""New structures to the groups of an index that stands: into an old group where complete linkage allows, else new ones.

A structure joins an old group only where it reaches the threshold with every member, whoever joined before it among
them; of several such groups it joins the one to whose members it is most similar on average. Old groups are never
joined to one another and keep their names, representatives and size classes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from emsearch.build.adding.pairs import Comparisons
from emsearch.shapes.clustering import ShapeGroup, cluster_shapes
from emsearch.shapes.size_classes import SizeClass
from emsearch_index.catalogue import Catalogue

__all__ = [
    "Home",
    "OldGroup",
    "class_holding",
    "join_old_groups",
    "make_new_groups",
    "read_classes",
    "read_old_groups",
]


@dataclass(frozen=True, slots=True)
class OldGroup:
    """A group of the index."""

    id: str
    representative: str
    members: tuple[str, ...]
    size_class: SizeClass


@dataclass(frozen=True, slots=True)
class Home:
    """A group that takes new structures in.

    ``shape`` holds a new group as it was clustered; of an old group the representative, as medoid, and those that join.
    """

    id: str
    size_class: SizeClass
    shape: ShapeGroup
    new: bool

    @property
    def newcomers(self) -> list[tuple[str, float]]:
        """New structures, the representative of a new group first, with the similarity to the representative."""
        found = sorted(zip(self.shape.members, self.shape.similarities, strict=True))
        found.sort(key=lambda one: one[0] != self.shape.medoid)
        return found if self.new else found[1:]


def read_classes(catalogue: Catalogue) -> dict[str, SizeClass]:
    """Return the size classes of a catalogue by name, smallest first."""
    rows = catalogue.rows(
        "SELECT name, dmax_min_angstrom, dmax_max_angstrom, pixel_size_angstrom, box_px "
        "FROM size_classes ORDER BY dmax_min_angstrom"
    )
    return {row["name"]: SizeClass(**row) for row in rows}


def class_holding(dmax_angstrom: float, classes: Sequence[SizeClass]) -> SizeClass | None:
    """Return the class whose range holds a Dmax, or None."""
    return next((c for c in classes if c.dmax_min_angstrom < dmax_angstrom <= c.dmax_max_angstrom), None)


def read_old_groups(catalogue: Catalogue, classes: Mapping[str, SizeClass]) -> list[OldGroup]:
    """Return the groups of a catalogue."""
    members: dict[str, list[str]] = {}
    for row in catalogue.rows("SELECT group_id, structure_id FROM group_members ORDER BY structure_id"):
        members.setdefault(row["group_id"], []).append(row["structure_id"])
    rows = catalogue.rows("SELECT id, representative_id, size_class FROM groups ORDER BY id")
    return [
        OldGroup(row["id"], row["representative_id"], tuple(members[row["id"]]), classes[row["size_class"]])
        for row in rows
    ]


def join_old_groups(
    dmax_angstrom: Mapping[str, float],
    groups: Sequence[OldGroup],
    comparisons: Comparisons,
    threshold: float,
) -> tuple[list[Home], dict[str, OldGroup]]:
    """Find the new structures that join an old group.

    Parameters
    ----------
    dmax_angstrom : mapping of new structure to its Dmax
    groups : sequence of OldGroup
    comparisons : Comparisons
    threshold : float
        Least similarity of two members.

    Returns
    -------
    homes : list of Home
        The groups that are joined.
    too_large : mapping of structure to OldGroup
        Structures that a group would take in but for its size class, which goes by the largest member.
    """
    joined: dict[str, list[str]] = {}
    placed: set[str] = set()
    too_large: dict[str, OldGroup] = {}
    for structure, group in _by_likeness(list(dmax_angstrom), groups, comparisons, threshold):
        others = joined.get(group.id, [])
        if structure in placed or not _all_alike(structure, others, comparisons, threshold):
            continue
        if dmax_angstrom[structure] > group.size_class.dmax_max_angstrom:
            too_large.setdefault(structure, group)
        else:
            joined.setdefault(group.id, []).append(structure)
            placed.add(structure)
    homes = [_joined(group, joined[group.id], comparisons) for group in groups if group.id in joined]
    return homes, {name: group for name, group in too_large.items() if name not in placed}


def make_new_groups(
    dmax_angstrom: Mapping[str, float],
    groups: Sequence[OldGroup],
    classes: Sequence[SizeClass],
    comparisons: Comparisons,
    threshold: float,
) -> list[Home]:
    """Cluster structures that join no old group; the new groups' names go on from the old ones'.

    Parameters
    ----------
    dmax_angstrom : mapping of structure to its Dmax, each within a class
    groups : sequence of OldGroup
    classes : sequence of SizeClass
        A group goes into that of its largest member.
    comparisons : Comparisons
    threshold : float
        Least similarity of two members.
    """
    names = sorted(dmax_angstrom)
    place = {name: k for k, name in enumerate(names)}
    among = [pair for pair in comparisons.superpositions if place.keys() >= set(pair)]
    pairs = np.array([[place[a], place[b]] for a, b in among], np.int64).reshape(-1, 2)
    scores = np.array([comparisons.score(a, b) for a, b in among], np.float64)
    digits = len(groups[0].id) - 1
    number = max(int(group.id[1:]) for group in groups)
    homes = []
    for shape in cluster_shapes(names, pairs, scores, threshold):
        number += 1
        largest = max(dmax_angstrom[member] for member in shape.members)
        size_class = class_holding(largest, classes)
        if size_class is None:
            raise ValueError(f"no size class holds the {largest:g} A of {shape.medoid}'s group")
        homes.append(Home(f"G{number:0{digits}d}", size_class, shape, new=True))
    return homes


def _by_likeness(
    structures: Sequence[str], groups: Sequence[OldGroup], comparisons: Comparisons, threshold: float
) -> list[tuple[str, OldGroup]]:
    """Return structures with the groups all of whose members are like them, the most alike first."""
    alike = []
    for structure in structures:
        for group in groups:
            if _all_alike(structure, group.members, comparisons, threshold):
                mean = np.mean([comparisons.score(structure, member) for member in group.members])
                alike.append((-float(mean), group.id, structure, group))
    return [(structure, group) for _, _, structure, group in sorted(alike, key=lambda one: one[:3])]


def _all_alike(structure: str, others: Sequence[str], comparisons: Comparisons, threshold: float) -> bool:
    return all(comparisons.score(structure, other) >= threshold for other in others)


def _joined(group: OldGroup, newcomers: list[str], comparisons: Comparisons) -> Home:
    similarities = [comparisons.score(group.representative, name) for name in newcomers]
    shape = ShapeGroup(group.representative, (group.representative, *newcomers), (1.0, *similarities))
    return Home(group.id, group.size_class, shape, new=False)
