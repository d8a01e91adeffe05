"""The sign of the contrast: the one under which the index explains a stack better."""

from torch import Tensor

from emsearch.search.engine import SearchIndex
from emsearch.search.proposal import explained
from emsearch_index.errors import UsageError

__all__ = ["CONTRASTS", "decide_contrast"]

CONTRASTS = ("auto", "bright", "dark")
_IMAGES_ASKED = 16


def decide_contrast(
    index: SearchIndex, images: Tensor, pixel_size_angstrom: float | None, contrast: str
) -> str:
    """Return "bright" or "dark" for images (n, h, w) of one stack.

    As told, or for "auto" the sign with the higher mean best cosine over the first images.
    """
    if contrast not in CONTRASTS:
        raise UsageError(f"found contrast {contrast!r}, expected one of {', '.join(CONTRASTS)}; choose one")
    if contrast != "auto":
        return contrast
    asked = images[:_IMAGES_ASKED]
    bright = explained(index, asked, pixel_size_angstrom)
    dark = explained(index, -asked, pixel_size_angstrom)
    return "bright" if bright >= dark else "dark"
