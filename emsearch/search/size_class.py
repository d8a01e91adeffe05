"""Which size class a picture shows: a multinomial logistic of what the network sees in each of them.

A picture is looked at in every size class that it has room for, and the network tells the groups of each apart as if there
were no others. How likely each class is stands here: by the direction of the embedding, by how near the nearest view of the
class is, and by how many of its groups fill such a picture.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["SizeClassModel", "filling"]

Floats = NDArray[np.float64]

_FILLED = (0.25, 1.0)
"""A particle measures between a quarter of its picture and all of it."""

_NEARNESS = 10.0  # of a cosine, where nothing was fitted
_DIGITS = 4  # that are kept in a manifest


@dataclass(frozen=True, slots=True, eq=False)
class SizeClassModel:
    """Log-odds of c classes: ``offset`` (c,) + ``direction`` (c, width) . embedding + two features with one weight each.

    ``nearness`` multiplies the cosine of the nearest view, ``room`` the logarithm of how many groups of the class fill the
    picture (`filling`). Where a calibration has fitted nothing, offset and direction are None and count as zero.
    """

    offset: Floats | None = None
    direction: Floats | None = None
    nearness: float = _NEARNESS
    room: float = 1.0

    def log_odds(self, size_class: int, embedding: Floats, nearest: Floats, groups: int) -> Floats:
        """Return those of one class for n images, up to a constant of each image.

        Parameters
        ----------
        size_class : int
            Its number.
        embedding : (n, width)
            Of the images in the sampling of the class.
        nearest : (n,)
            Cosine of the nearest view.
        groups : int
            How many groups of the class fill the picture.
        """
        found = self.nearness * nearest + self.room * np.log(max(groups, 0.5))
        if self.offset is not None and self.direction is not None:
            found = found + self.offset[size_class] + embedding @ self.direction[size_class]
        return np.asarray(found)

    def to_json(self) -> dict[str, Any]:
        """Return plain values for a manifest."""
        plain: dict[str, Any] = {"nearness": round(self.nearness, _DIGITS), "room": round(self.room, _DIGITS)}
        if self.offset is not None and self.direction is not None:
            plain["offset"] = self.offset.round(_DIGITS).tolist()
            plain["direction"] = self.direction.round(_DIGITS).tolist()
        return plain

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "SizeClassModel":
        """Read what `to_json` gave."""
        fitted = {
            name: np.array(values[name], np.float64) for name in ("offset", "direction") if name in values
        }
        return cls(**fitted, nearness=float(values["nearness"]), room=float(values["room"]))


def filling(dmax_angstrom: Sequence[float] | Floats, side_angstrom: float) -> int:
    """Return how many molecules measure between a quarter of a picture's side and all of it.

    >>> filling([40.0, 100.0, 250.0], 200.0)
    1
    """
    share = np.asarray(dmax_angstrom, np.float64) / side_angstrom
    return int(np.count_nonzero((share >= _FILLED[0]) & (share <= _FILLED[1])))
