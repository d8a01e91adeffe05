"""Size classes: adjoining ranges of Dmax, each with its pixel size and box: size stays information."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from emsearch.shapes.errors import ShapeError

__all__ = ["SizeClass", "assign_size_classes", "candidate_classes", "make_size_classes"]

_EDGES_ANGSTROM = (0.0, 130.0, 320.0, 800.0, 2000.0)
_BOX_PER_DMAX = 1.5  # the largest member fills two thirds of the box


@dataclass(frozen=True, slots=True)
class SizeClass:
    """Groups whose largest member has ``dmax_min_angstrom`` < Dmax <= ``dmax_max_angstrom``."""

    name: str
    dmax_min_angstrom: float
    dmax_max_angstrom: float
    pixel_size_angstrom: float
    box_px: int


def make_size_classes(largest_dmax_angstrom: float, box_px: int = 64) -> tuple[SizeClass, ...]:
    """Return the size classes up to a Dmax; the last is stretched where that lies beyond 2,000 A.

    >>> [size_class.name for size_class in make_size_classes(500.0)]
    ['d0-130', 'd130-320', 'd320-800', 'd800-2000']
    """
    edges = list(_EDGES_ANGSTROM)
    edges[-1] = max(edges[-1], math.ceil(largest_dmax_angstrom))
    return tuple(
        SizeClass(f"d{low:.0f}-{high:.0f}", low, high, high * _BOX_PER_DMAX / box_px, box_px)
        for low, high in pairwise(edges)
    )


def assign_size_classes(
    dmax_angstrom: Sequence[Sequence[float]], box_px: int = 64
) -> tuple[tuple[SizeClass, ...], list[SizeClass]]:
    """Give each group the class of its largest member.

    Parameters
    ----------
    dmax_angstrom : for each group, the Dmax of each member
    box_px : int

    Returns
    -------
    classes : those that have a group, smallest first
    of_group : the class of each group

    Raises
    ------
    ShapeError
        Where a group is empty or a Dmax is not a positive number.
    """
    for group in dmax_angstrom:
        if len(group) == 0 or not all(math.isfinite(dmax) and dmax > 0.0 for dmax in group):
            raise ShapeError(
                f"found a group with the Dmax values {list(group)} where positive lengths in A were "
                "expected; leave it out"
            )
    largest = [max(group) for group in dmax_angstrom]
    classes = make_size_classes(max(largest, default=0.0), box_px)
    of_group = [next(c for c in classes if dmax <= c.dmax_max_angstrom) for dmax in largest]
    return tuple(c for c in classes if c in of_group), of_group


def candidate_classes(
    classes: Sequence[SizeClass], extent_angstrom: float, tolerance: float = 0.2
) -> tuple[SizeClass, ...]:
    """Return the classes that a particle of a Dmax measured within a tolerance (a fraction) may belong to.

    >>> [c.name for c in candidate_classes(make_size_classes(500.0), 120.0)]
    ['d0-130', 'd130-320']
    """
    low, high = extent_angstrom * (1.0 - tolerance), extent_angstrom * (1.0 + tolerance)
    return tuple(c for c in classes if low <= c.dmax_max_angstrom and high > c.dmax_min_angstrom)
