"""PNG, JPEG and TIFF from untrusted bytes, by Pillow, as images in grey.

Pillow reads TIFF too, because tifffile needs a further package for LZW, which many programs write; what
Pillow does not know goes to ``wide_tiff``.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

import numpy as np
from numpy.typing import NDArray

from emsearch.particles.opened_file import (
    OpenedFile,
    Request,
    UnusableFileError,
    check_inflation,
    check_side,
    select_numbers,
)
from emsearch.particles.wide_tiff import open_wide_tiff

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["open_encoded"]

_Result = TypeVar("_Result")
_GREY_MODES = ("1", "L", "I", "F")  # and all I;16*
_LUMINANCE = (0.299, 0.587, 0.114)  # ITU-R BT.601
_BYTES_A_BAND = {"1": 0.125, "I": 4.0, "F": 4.0}
_TIFF_PHOTOMETRIC, _TIFF_SAMPLE_FORMAT = 262, 339


def open_encoded(source: BinaryIO, name: str, request: Request) -> OpenedFile:
    """Open a PNG, JPEG or TIFF (``name``) and say how to get at its images; no pixel is decoded yet."""
    from PIL import Image, UnidentifiedImageError

    if request.file_bytes > request.limits.encoded_bytes:
        raise UnusableFileError(
            f"is a {name} of {request.file_bytes} bytes, more than {request.limits.encoded_bytes};"
            " cut out the particle or write an MRC stack"
        )
    if request.numbers is not None and name != "TIFF":
        raise UnusableFileError(
            f"is a {name}, one image and not a stack; leave out the {request.numbers[0]}@"
        )
    Image.MAX_IMAGE_PIXELS = None  # select_numbers is stricter, and its sentence tells the size
    try:
        image: Image.Image = _attempt(name, lambda: Image.open(source, formats=(name,)))
    except UnidentifiedImageError:
        if name == "TIFF":
            return open_wide_tiff(source, request)
        raise UnusableFileError(f"is a {name} whose header is damaged; copy it again") from None
    check_side(image.height, image.width, request.limits)
    count = _attempt(name, lambda: int(getattr(image, "n_frames", 1))) if name == "TIFF" else 1
    numbers = select_numbers(count, image.height, image.width, request)
    _attempt(name, lambda: image.seek(numbers[0] - 1 if numbers else 0))
    size = image.size
    check_side(image.height, image.width, request.limits)
    check_inflation(len(numbers), image.height, image.width, _bytes_a_pixel(image), request)

    def decode(number: int) -> NDArray[Any]:
        _attempt(name, lambda: image.seek(number - 1))
        if image.size != size:
            raise UnusableFileError(
                f"holds images of several sizes: {size[0]} x {size[1]} px and, as image {number},"
                f" {image.width} x {image.height} px; name one of them as N@FILE"
            )
        _check_strips(image)
        return _attempt(name, lambda: _grey(image))

    return OpenedFile(name, count, image.height, image.width, numbers, None, _colour_notes(image), decode)


def _attempt(name: str, action: Callable[[], _Result]) -> _Result:
    """Run a step of Pillow, which meets broken files with exceptions of almost any type."""
    from PIL import UnidentifiedImageError

    try:
        return action()
    except UnidentifiedImageError:
        raise
    except MemoryError:
        problem = "it needs more memory than decoding is allowed"
    except Exception as error:
        problem = " ".join(str(error).split())[:120] or type(error).__name__
    raise UnusableFileError(
        f"cannot be decoded as {name} ({problem}); copy it again or save it as 8- or 16-bit grey"
    )


def _check_strips(image: "Image") -> None:
    """Refuse a page whose strips or tiles do not reach its edge; Pillow would leave the rest black."""
    ends = [box[2:] for _, box, *_ in getattr(image, "tile", []) if box is not None]
    if ends and (max(x for x, _ in ends) < image.width or max(y for _, y in ends) < image.height):
        raise UnusableFileError(
            f"cannot be decoded as {image.format} (it promises {image.width} x {image.height} px"
            " and holds fewer); copy it again"
        )


def _bytes_a_pixel(image: "Image") -> float:
    a_band = 2.0 if image.mode.startswith("I;16") else _BYTES_A_BAND.get(image.mode, 1.0)
    return len(image.getbands()) * a_band


def _is_grey(image: "Image") -> bool:
    return image.mode in _GREY_MODES or image.mode.startswith("I;16")


def _colour_notes(image: "Image") -> tuple[str, ...]:
    if _is_grey(image):
        return ()
    if image.mode in ("LA", "La"):
        return ("transparency ignored",)
    ignored = ", transparency ignored" if image.mode in ("RGBA", "RGBa", "PA") else ""
    return (f"colour ({image.mode}) turned into luminance{ignored}",)


def _grey(image: "Image") -> NDArray[Any]:
    """Decode the current page: stored values where it is grey, else luminance on the channels' scale."""
    if _is_grey(image):
        pixels = np.asarray(image)
        return _tiff_values(image, pixels) if image.format == "TIFF" else pixels
    if image.mode in ("LA", "La"):
        return np.asarray(image)[..., 0]
    channels = np.asarray(image if image.mode in ("RGB", "RGBA", "RGBX") else image.convert("RGB"))
    luminance = np.zeros(channels.shape[:2], np.float32)
    for channel, weight in enumerate(_LUMINANCE):
        luminance += np.float32(weight) * channels[..., channel]
    return luminance


def _tiff_values(image: "Image", pixels: NDArray[Any]) -> NDArray[Any]:
    """Correct what Pillow leaves: signed bytes, and white-is-zero with more than 8 bits."""
    tags = image.getexif()
    signed = tags.get(_TIFF_SAMPLE_FORMAT) in (2, (2,))
    if signed and pixels.dtype == np.uint8:
        return pixels.view(np.int8)
    white_is_zero = tags.get(_TIFF_PHOTOMETRIC) == 0
    if white_is_zero and image.mode not in ("1", "L"):
        return -pixels.astype(np.float32)
    return pixels
