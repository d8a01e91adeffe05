"""An image file whose header has been read: what was asked for, what it holds, what it may cost."""

from collections.abc import Callable, Sequence
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
    """What to read: images ``numbers`` (1-based) or, without them, the first ``max_images``.

    ``file_bytes`` is the size of the file, ``mate_bytes`` that of the one beside it that holds the pixels, where the format
    has two.
    """

    numbers: tuple[int, ...] | None
    max_images: int | None
    file_bytes: int
    limits: ReadingLimits
    mate_bytes: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the request as plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> "Request":
        """Return the request that ``to_json`` gave."""
        numbers = fields["numbers"]
        return cls(
            **{
                **fields,
                "limits": ReadingLimits(**fields["limits"]),
                "numbers": None if numbers is None else tuple(numbers),
            }
        )


@dataclass(frozen=True, slots=True)
class OpenedFile:
    """What a file holds, ``count`` images, and which of them are asked for, ``numbers``.

    ``decode`` turns an image number into pixels (height, width) of any real dtype.
    """

    format: str
    count: int
    height: int
    width: int
    numbers: Sequence[int]
    pixel_size_angstrom: float | None
    notes: tuple[str, ...]
    decode: Callable[[int], NDArray[Any]]

    def header(self) -> dict[str, Any]:
        """Return everything but the pixels, for JSON."""
        return {
            "format": self.format,
            "shape": [len(self.numbers), self.height, self.width],
            "count": self.count,
            "first": self.numbers[0] if self.numbers else 1,
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


def select_numbers(count: int, height: int, width: int, request: Request) -> Sequence[int]:
    """Return the image numbers to read out of ``count``, after checking that their size is bearable."""
    check_side(height, width, request.limits)
    if request.numbers is not None:
        missing = [number for number in request.numbers if not 1 <= number <= count]
        if missing:
            raise UnusableFileError(
                f"holds {count} image(s), counted from 1; there is no image {missing[0]} to name with N@"
            )
    wanted = count if request.max_images is None else min(count, request.max_images)
    numbers = request.numbers if request.numbers is not None else range(1, wanted + 1)
    if len(numbers) * height * width > request.limits.total_px:
        raise UnusableFileError(
            f"holds {len(numbers)} images of {width} x {height} px, more than the {request.limits.total_px:,} px"
            " that are read at once; name one of them as N@FILE"
        )
    return numbers


def check_inflation(count: int, height: int, width: int, bytes_a_pixel: float, request: Request) -> None:
    """Refuse a file that promises far more pixels than its bytes can hold, before one is decoded."""
    if count * height * width * bytes_a_pixel > request.limits.inflation * request.file_bytes:
        raise UnusableFileError(
            f"promises {count} image(s) of {width} x {height} px out of {request.file_bytes} bytes, more than"
            f" {request.limits.inflation} times its size; no real image compresses so well"
        )
