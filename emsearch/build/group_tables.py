"""Shape groups as rows of the catalogue."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from emsearch.build.settings import BuildSettings
from emsearch.shapes.clustering import ShapeGroup
from emsearch.shapes.size_classes import SizeClass, assign_size_classes
from emsearch_index.catalogue import Catalogue

__all__ = ["WEIGHTS_NAME", "PosedMember", "group_tables"]

WEIGHTS_NAME = "weights.safetensors"
"""The network's weights, one file for all size classes."""

_NAME_CHARACTERS = 80
_Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class PosedMember:
    """How a member lies on its representative: rotation row by row, shift in A, and whether z was mirrored first."""

    rotation: tuple[float, ...]
    translation_angstrom: tuple[float, ...]
    mirror: bool


_ITSELF = PosedMember((1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0), (0.0, 0.0, 0.0), False)


def group_tables(
    catalogue: Catalogue,
    groups: Sequence[ShapeGroup],
    poses: Mapping[tuple[str, str], PosedMember],
    resolution_angstrom: Mapping[str, float],
    settings: BuildSettings,
) -> dict[str, _Rows]:
    """Return the rows of groups, members and size classes, and the columns that structures get from them.

    Parameters
    ----------
    catalogue : Catalogue
        For titles and Dmax.
    groups : sequence of ShapeGroup
        In order: the first becomes G0001.
    poses : mapping of (representative, member) to PosedMember
    resolution_angstrom : mapping of representative to the resolution at which it is compared
    settings : BuildSettings
    """
    rows = catalogue.rows("SELECT id, title, dmax_angstrom FROM structures")
    dmax = {row["id"]: row["dmax_angstrom"] for row in rows}
    title = {row["id"]: row["title"] or "" for row in rows}
    classes, class_of_group = assign_size_classes(
        [[dmax[member] for member in group.members] for group in groups], settings.box_px
    )
    digits = max(4, len(str(len(groups))))  # of one width, so that names sort as numbers
    tables: dict[str, _Rows] = {"groups": [], "group_members": [], "structures": []}
    for number, (group, size_class) in enumerate(zip(groups, class_of_group, strict=True), start=1):
        name = f"G{number:0{digits}d}"
        tables["groups"].append(
            {
                "id": name,
                "size_class": size_class.name,
                "representative_id": group.medoid,
                "members": len(group.members),
                "resolution_angstrom": resolution_angstrom[group.medoid],
                "threshold": settings.threshold,
                "name": _readable_name(group, title),
            }
        )
        tables["group_members"] += _member_rows(name, group, poses)
        tables["structures"] += [
            {"id": member, "group_id": name, "size_class": size_class.name} for member in group.members
        ]
    tables["size_classes"] = [_class_row(size_class) for size_class in classes]
    return tables


def _readable_name(group: ShapeGroup, title: Mapping[str, str]) -> str:
    """Return the representative's title, else that of the member most like it, else its id."""
    nearest = sorted(zip(group.similarities, group.members, strict=True), key=lambda one: (-one[0], one[1]))
    titles = [title[group.medoid], *(title[member] for _, member in nearest)]
    found = next((text for text in titles if text), f"density map {group.medoid.removesuffix('_map')}")
    return textwrap.shorten(found, _NAME_CHARACTERS, placeholder=" ...")


def _member_rows(name: str, group: ShapeGroup, poses: Mapping[tuple[str, str], PosedMember]) -> _Rows:
    rows = []
    for member, similarity in zip(group.members, group.similarities, strict=True):
        pose = _ITSELF if member == group.medoid else poses[group.medoid, member]
        rows.append(
            {
                "group_id": name,
                "structure_id": member,
                "similarity": similarity,
                "rotation": list(pose.rotation),
                "translation_angstrom": list(pose.translation_angstrom),
                "mirror": pose.mirror,
            }
        )
    return rows


def _class_row(size_class: SizeClass) -> dict[str, Any]:
    return {
        "name": size_class.name,
        "dmax_min_angstrom": size_class.dmax_min_angstrom,
        "dmax_max_angstrom": size_class.dmax_max_angstrom,
        "pixel_size_angstrom": size_class.pixel_size_angstrom,
        "box_px": size_class.box_px,
        "weights_file": WEIGHTS_NAME,
    }
