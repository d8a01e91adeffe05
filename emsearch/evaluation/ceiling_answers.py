"""The ceiling of a set: what exhaustive projection matching of the same images says.

Only representatives are matched, so that each group has one structure.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emsearch.evaluation.sets import DrawnSet
from emsearch.search.engine import SearchIndex

__all__ = ["CEILINGS", "CeilingOrders", "ceiling_orders"]

CEILINGS = ("ceiling-correlation", "ceiling-likelihood")
"""The two ceilings: best correlation over all poses, and likelihood summed over all poses."""


@dataclass(frozen=True, slots=True)
class CeilingOrders:
    """For each ceiling the groups (n, g) of each image, best first, and the mean time of an image for both."""

    groups: dict[str, NDArray[np.int64]]
    seconds_per_image: float


def ceiling_orders(
    index: SearchIndex, drawn: DrawnSet, report: Callable[[str], None] = lambda line: None
) -> CeilingOrders:
    """Match the images of a set at one noise level with all groups that may be named.

    Set by set: the queries of all images are in memory at once, the views of one structure alone.
    """
    from emsearch.evaluation.ceiling import ceiling_scores

    among = np.array(drawn.image_set.among)
    names = [index.groups[g].representative for g in among.tolist()]
    ceiling = ceiling_scores(
        index.library,
        drawn.images.images,
        drawn.images.pixel_size_angstrom,
        names,
        box_px=index.classes[0].box_px,
        report=report,
    )
    scores = dict(zip(CEILINGS, (ceiling.correlation, ceiling.likelihood), strict=True))
    groups = {name: among[np.argsort(-score, axis=1, kind="stable")] for name, score in scores.items()}
    return CeilingOrders(groups, ceiling.seconds_per_image)
