"""An image file whose header has been read: what was asked for, what it holds, what it may cost."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from numbers import Integral
from typing import Any

from numpy.typing import NDArray

from emsearch.particles.limits import ReadingLimits

__all__ = ["OpenedFile", "Request", "UnusableFileError", "check_inflation", "check_side", "select_numbers"]


class UnusableFileError(Exception):
    """Why a file cannot be used, as the rest of a sentence that begins with its name."""


@dataclass(frozen=True, slots=True)
class Request:
    """What to read: image ``number`` (1-based) or, without one, the first ``max_images``."""

    number: int | None
    max_images: int | None
    file_bytes: int
    limits: ReadingLimits

    def to_json(self) -> str:
        """Return the request as the argument of the decoding process."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Request":
        """Return the request that ``to_json`` wrote."""
        fields = json.loads(text)
        return cls(**{**fields, "limits": ReadingLimits(**fields["limits"])})


@dataclass(frozen=True, slots=True)
class OpenedFile:
    """What a file holds; ``decode`` turns an image number into pixels (height, width) of any real dtype."""

    format: str
    height: int
    width: int
    numbers: range
    pixel_size_angstrom: float | None
    notes: tuple[str, ...]
    decode: Callable[[int], NDArray[Any]]

    def header(self) -> dict[str, Any]:
        """Return everything but the pixels, for JSON."""
        return {
            "format": self.format,
            "shape": [len(self.numbers), self.height, self.width],
            "first": self.numbers.start,
            "pixel_size_angstrom": self.pixel_size_angstrom,
            "notes": self.notes,
        }


def check_side(height: int, width: int, limits: ReadingLimits) -> None:
    """Refuse an image too wide or too high, or of no pixel, before one is decoded."""
    if not (
        isinstance(height, Integral) and isinstance(width, Integral)
    ):  # Pillow passes on what a damaged tag holds
        raise UnusableFileError("does not tell its width and height as one number each; save it anew")
    if min(height, width) < 1:
        raise UnusableFileError(f"promises {width} x {height} px; both must be 1 or more, so save it anew")
    if max(height, width) > limits.side_px:
        raise UnusableFileError(
            f"is {width} x {height} px, more than {limits.side_px} px a side; cut out the particle or bin it"
        )


def select_numbers(count: int, height: int, width: int, request: Request) -> range:
    """Return the image numbers to read out of ``count``, after checking that their size is bearable."""
    check_side(height, width, request.limits)
    if request.number is not None:
        if not 1 <= request.number <= count:
            raise UnusableFileError(
                f"holds {count} image(s), counted from 1; there is no image {request.number} to name with N@"
            )
        return range(request.number, request.number + 1)
    wanted = count if request.max_images is None else min(count, request.max_images)
    if wanted * height * width > request.limits.total_px:
        raise UnusableFileError(
            f"holds {wanted} images of {width} x {height} px, more than the {request.limits.total_px:,} px"
            " that are read at once; name one of them as N@FILE"
        )
    return range(1, wanted + 1)


def check_inflation(count: int, height: int, width: int, bytes_a_pixel: float, request: Request) -> None:
    """Refuse a file that promises far more pixels than its bytes can hold, before one is decoded."""
    if count * height * width * bytes_a_pixel > request.limits.inflation * request.file_bytes:
        raise UnusableFileError(
            f"promises {count} image(s) of {width} x {height} px out of {request.file_bytes} bytes, more than"
            f" {request.limits.inflation} times its size; no real image compresses so well"
        )
