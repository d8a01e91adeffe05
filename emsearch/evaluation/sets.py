"""The sets of test images: which structures each shows, as what, and among which groups it is answered."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from emsearch.evaluation.simulated import BOXES, CRYO, STAIN, SimulatedImages, draw_subjects
from emsearch.evaluation.subjects import DEFORMATIONS_ANGSTROM, Subject, SubjectModels
from emsearch.imaging.parameters import ParameterRanges
from emsearch.search.engine import SearchIndex
from emsearch_index.errors import UsageError

__all__ = [
    "SET_NAMES",
    "UNKNOWN",
    "DrawnSet",
    "ImageSet",
    "added_groups",
    "draw_set",
    "image_set",
    "largest_groups",
    "set_names",
]

UNKNOWN = "unknown"
_DEFORMED = {f"deformed-{rmsd:g}": rmsd for rmsd in DEFORMATIONS_ANGSTROM}

SET_NAMES = ("trained", "members", *_DEFORMED, "added", UNKNOWN, "cryo")


@dataclass(frozen=True, slots=True)
class ImageSet:
    """One set of test images.

    ``among`` are the groups that an answer may name. The groups of a set come in the order of ``among``, so that the
    images of "trained", "deformed-3", -5, -8 and "cryo" show the same groups one by one. ``box_over_dmax`` is that of
    `emsearch.evaluation.simulated.draw_subjects`.
    """

    name: str
    subjects: tuple[Subject, ...]
    among: tuple[int, ...]
    ranges: ParameterRanges
    box_over_dmax: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class DrawnSet:
    """The images of a set at one noise level, ``snr``; inf is clean."""

    image_set: ImageSet
    snr: float
    images: SimulatedImages


def draw_set(
    index: SearchIndex, image_set: ImageSet, snr: float, n: int, seed: int, models: SubjectModels
) -> DrawnSet:
    """Draw n images of a set at one noise level, the same but for the noise at every level."""
    images = draw_subjects(
        index,
        image_set.subjects,
        image_set.ranges,
        n,
        seed,
        snr,
        models,
        box_over_dmax=image_set.box_over_dmax,
    )
    return DrawnSet(image_set, snr, images)


def set_names(text: str) -> tuple[str, ...]:
    """Return the sets of a comma-separated list; "deformed" is all three deformations.

    >>> set_names("trained, deformed")
    ('trained', 'deformed-3', 'deformed-5', 'deformed-8')

    Raises
    ------
    UsageError
        The list is empty or names a set that there is not.
    """
    names: list[str] = []
    for item in (part.strip() for part in text.split(",")):
        names += _DEFORMED if item == "deformed" else [item]
    wrong = [name for name in names if name not in SET_NAMES]
    if wrong:
        raise UsageError(
            f"{wrong[0]!r} is no set of test images; give one or more of trained, members, deformed, "
            f"{', '.join(_DEFORMED)}, added, unknown, cryo, separated by commas"
        )
    return tuple(dict.fromkeys(names))


def added_groups(index: SearchIndex) -> list[int]:
    """Return the groups that were put into the index after it was trained."""
    return [int(k) for k in np.flatnonzero(index.untrained)]


def largest_groups(index: SearchIndex, count: int) -> list[int]:
    """Return the ``count`` trained groups of largest Dmax of the largest size class that has so many.

    Where none has, those of the fullest class.
    """
    late = set(added_groups(index))
    by_class = [
        [k for k, g in enumerate(index.groups) if g.size_class == c.name and k not in late]
        for c in index.classes
    ]
    enough = [members for members in by_class if len(members) >= count]
    return _by_dmax(index, enough[-1] if enough else max(by_class, key=len))[:count]


def _by_dmax(index: SearchIndex, groups: Sequence[int]) -> list[int]:
    return sorted(groups, key=lambda k: (-index.groups[k].dmax_angstrom, index.groups[k].id))


def image_set(index: SearchIndex, name: str, groups: int) -> ImageSet | None:
    """Return a set by name, of the ``groups`` groups of largest Dmax; None where the index has nothing for it.

    "unknown" shows representatives of all groups in boxes of all sizes, answered among all; "added" those that were added
    after training, answered among these and the ``groups`` largest of their size classes.
    """
    if name in (UNKNOWN, "added"):
        among, shown = _broad_set(index, name, groups)
    else:
        among = shown = largest_groups(index, groups)
    subjects = tuple(s for g in shown for s in _subjects_of(index, g, name))
    ranges = CRYO if name == "cryo" else STAIN
    boxes = BOXES if name == UNKNOWN else None
    return ImageSet(name, subjects, tuple(among), ranges, boxes) if subjects else None


def _broad_set(index: SearchIndex, name: str, groups: int) -> tuple[list[int], list[int]]:
    every = list(range(len(index.groups)))
    if name == UNKNOWN:
        return every, every
    late = added_groups(index)
    classes = {index.groups[g].size_class for g in late}
    among: list[int] = []
    for size_class in sorted(classes):
        trained = [g for g in every if index.groups[g].size_class == size_class and g not in late]
        among += _by_dmax(index, trained)[:groups]
    return among + late, late


def _subjects_of(index: SearchIndex, group: int, name: str) -> list[Subject]:
    representative = index.groups[group].representative
    if name == "members":
        return [Subject(group, member) for member in index.groups[group].members if member != representative]
    return [Subject(group, representative, _DEFORMED.get(name, 0.0))]
