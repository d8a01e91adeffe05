"""Projections for pages: grey pictures on black, and silhouettes whose ink takes the colour of the page."""

import base64
import io
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from emsearch_cli.gallery.words import angstrom_text

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image as Picture

__all__ = ["picture_svg", "silhouette_png", "silhouette_uri"]

_GAMMA = 0.8
_LEVELS = 48  # of grey; more cannot be told apart and make the file larger
_SIDE = 200


def picture_svg(image: "NDArray[np.float32]", side_angstrom: float, label: str) -> Markup:
    """Return a projection with its scale bar; ``label`` says what it shows to those who do not see it."""
    import numpy as np
    from PIL import Image

    from emsearch.gallery.projections import scale_bar_angstrom

    bar = scale_bar_angstrom(side_angstrom)
    uri = _uri(_png(Image.fromarray(_stepped(np.asarray(image, np.float64)))))
    length, left, low = _SIDE * bar / side_angstrom, 0.06 * _SIDE, 0.94 * _SIDE
    return Markup(
        f'<svg class="view" viewBox="0 0 {_SIDE} {_SIDE}" role="img" aria-label="{escape(label)}">'
        f'<image href="{uri}" width="{_SIDE}" height="{_SIDE}"/>'
        f'<line x1="{left:.1f}" x2="{left + length:.1f}" y1="{low:.1f}" y2="{low:.1f}"/>'
        f'<text x="{left:.1f}" y="{low - 6:.1f}">{angstrom_text(bar)}</text></svg>'
    )


def silhouette_png(image: "NDArray[np.float32]") -> bytes:
    """Return a projection as black ink, as opaque as it is bright, for a page to show on its own colour."""
    import numpy as np
    from PIL import Image

    alpha = Image.fromarray(_stepped(np.asarray(image, np.float64)))
    return _png(Image.merge("LA", (Image.new("L", alpha.size, 0), alpha)))


def silhouette_uri(image: "NDArray[np.float32]") -> str:
    """Return such a silhouette as an address that holds it."""
    return _uri(silhouette_png(image))


def _stepped(image: "NDArray[np.float64]") -> "NDArray[np.uint8]":
    import numpy as np

    levels = np.rint(np.clip(image, 0, 1) ** _GAMMA * (_LEVELS - 1))
    return np.asarray(np.rint(levels * (255 / (_LEVELS - 1))), np.uint8)


def _png(picture: "Picture") -> bytes:
    stream = io.BytesIO()
    picture.save(stream, format="PNG", optimize=True)
    return stream.getvalue()


def _uri(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"
