"""The pictures of an answer and of a structure, as PNG."""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from emsearch.search.hits import Answer, Hit, View
from emsearch.search.picture import posed_view
from emsearch_cli.gallery.drawn import draw_face
from emsearch_cli.gallery.pictures import silhouette_png
from emsearch_cli.report.pictures import difference, png_bytes

if TYPE_CHECKING:
    from emsearch.search.engine import SearchIndex

__all__ = [
    "PICTURES",
    "SIDES",
    "FoundImage",
    "RecentPictures",
    "face_picture",
    "keep_image",
    "picture_of_hit",
    "side_view",
]

PICTURES = ("image", "projection", "difference")
"""What is shown of a hit: the image, the hit in its pose, what is left of the image."""

SIDES = (
    (1.0, 0.0, 0.0, 0.0),
    (0.5**0.5, 0.5**0.5, 0.0, 0.0),
    (0.5**0.5, 0.0, 0.5**0.5, 0.0),
)
"""Quaternions of three views of a structure at right angles."""

_KEPT_PX = 192
_SIDE_VIEW_PX = 128
_MARGIN = 1.2  # of a frame over the largest dimension
_STAIN_FILL = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class FoundImage:
    """An answer and its image, particle bright, float32 (side, side): ``shrink`` pixels of the file in one of it."""

    answer: Answer
    image: NDArray[np.float32]
    shrink: float


def keep_image(answer: Answer, image: NDArray[np.float32]) -> FoundImage:
    """Keep the middle square of an image (h, w), no larger than it will be shown."""
    side = min(image.shape)
    top, left = (image.shape[0] - side) // 2, (image.shape[1] - side) // 2
    square = torch.from_numpy(image[top : top + side, left : left + side].copy())
    shown = min(side, _KEPT_PX)
    small = functional.interpolate(square[None, None], size=(shown, shown), mode="area")[0, 0]
    return FoundImage(answer, (small if answer.contrast == "bright" else -small).numpy(), side / shown)


def picture_of_hit(index: "SearchIndex", found: FoundImage, hit: Hit, kind: str) -> bytes:
    """Return one of ``PICTURES`` of a hit that was matched."""
    if kind == "image":
        return png_bytes(found.image)
    assert hit.view is not None
    side = len(found.image)
    pixel = (found.answer.pixel_size_angstrom or 0.0) * found.shrink or hit.dmax_angstrom * 1.5 / side
    shift = (hit.view.shift_px[0] / found.shrink, hit.view.shift_px[1] / found.shrink)
    projection = posed_view(index, replace(hit.view, shift_px=shift), side, pixel)
    return png_bytes(projection if kind == "projection" else difference(found.image, projection))


def side_view(index: "SearchIndex", structure: str, side: int, dmax_angstrom: float) -> bytes:
    """Return a structure in stain from one of ``SIDES``, filling the frame."""
    view = View(structure, SIDES[side], 0.0, (0.0, 0.0), False, _STAIN_FILL, 1.0)
    return png_bytes(posed_view(index, view, _SIDE_VIEW_PX, dmax_angstrom * _MARGIN / _SIDE_VIEW_PX))


def face_picture(index: "SearchIndex", structure: str) -> bytes:
    """Return the silhouette of a structure from its first view, as the map shows it."""
    return silhouette_png(draw_face(index.library.model(structure)))


class RecentPictures:
    """The last pictures that were drawn."""

    def __init__(self, most: int = 1024) -> None:
        self._most = most
        self._kept: OrderedDict[Hashable, bytes] = OrderedDict()

    def get(self, key: Hashable) -> bytes | None:
        """Return a picture, None where it has to be drawn."""
        if key in self._kept:
            self._kept.move_to_end(key)
        return self._kept.get(key)

    def put(self, key: Hashable, picture: bytes) -> bytes:
        """Keep a picture, and return it."""
        self._kept[key] = picture
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return picture
