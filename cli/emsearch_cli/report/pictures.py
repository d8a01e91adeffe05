"""Images as PNG, in the page itself where it is one file, and what is left of one when another is taken away."""

import base64
import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["data_uri", "difference", "png_bytes", "png_uri"]

_SIDE_PX = 192
_SPREAD = 2.5  # standard deviations from black to middle grey, and on to white, at least
_SHOWN = 0.998  # share of the pixels that are neither black nor white


def png_uri(image: "NDArray[np.float32]") -> str:
    """Return the PNG of an image (h, w) as a data URI."""
    return data_uri(png_bytes(image))


def data_uri(png: bytes) -> str:
    """Return a PNG as a data URI."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def png_bytes(image: "NDArray[np.float32]") -> bytes:
    """Return a grey PNG of an image (h, w), its contrast stretched about the mean."""
    import numpy as np
    from PIL import Image

    flat = np.nan_to_num(np.asarray(image, np.float64))
    flat -= flat.mean()
    # a bright particle in an even surrounding has many standard deviations, and a shape to be seen in them
    scale = max(float(flat.std()) * _SPREAD, float(np.quantile(np.abs(flat), _SHOWN)), 1e-12)
    grey = np.clip(128 + 127 * flat / scale, 0, 255).astype(np.uint8)
    larger = max(1, round(_SIDE_PX / max(grey.shape)))
    picture = Image.fromarray(grey).resize(
        (grey.shape[1] * larger, grey.shape[0] * larger), Image.Resampling.BICUBIC
    )
    stream = io.BytesIO()
    picture.save(stream, format="PNG", optimize=True)
    return stream.getvalue()


def difference(image: "NDArray[np.float32]", projection: "NDArray[np.float32]") -> "NDArray[np.float32]":
    """Return an image without the best multiple of a projection, both (h, w), their means taken away."""
    import numpy as np

    a, b = (np.asarray(p, np.float64) - float(np.mean(p)) for p in (image, projection))
    amount = float((a * b).sum()) / max(float((b * b).sum()), 1e-12)
    return np.asarray(a - amount * b, np.float32)
