"""How much a file from outside may cost to read: sizes, memory and time."""

import resource
import sys
from dataclasses import dataclass

__all__ = ["ReadingLimits", "confine"]


@dataclass(frozen=True, slots=True)
class ReadingLimits:
    """What one file may ask of the process that decodes it.

    Attributes
    ----------
    file_bytes : int
        Largest file opened at all.
    encoded_bytes : int
        Largest PNG, JPEG or TIFF.
    side_px : int
        Largest width or height of one image.
    total_px : int
        Most pixels read in one call (2^28 are 1 GiB of float32).
    inflation : int
        Largest ratio of decoded to stored bytes. Deflate reaches 1,032 on constant data; images with noise
        stay below 10.
    extended_header_bytes : int
        Longest extended header (``nsymbt``) of an MRC file.
    memory_bytes : int
        Address space of the decoding process (enforced on Linux; macOS does not implement it).
    cpu_seconds, wall_seconds : int, float
        Processor and elapsed time of the decoding process.
    """

    file_bytes: int = 64 * 2**30
    encoded_bytes: int = 2**30
    side_px: int = 8192
    total_px: int = 2**28
    inflation: int = 1000
    extended_header_bytes: int = 2**20
    memory_bytes: int = 3 * 2**30
    cpu_seconds: int = 30
    wall_seconds: float = 60.0


def confine(limits: ReadingLimits) -> None:
    """Limit this process for good: memory, processor time, no files written, no core dump."""
    _lower(resource.RLIMIT_CPU, limits.cpu_seconds)
    _lower(resource.RLIMIT_FSIZE, 0)
    _lower(resource.RLIMIT_CORE, 0)
    if sys.platform == "linux":
        _lower(resource.RLIMIT_AS, limits.memory_bytes)


def _lower(kind: int, value: int) -> None:
    """Set the soft limit; the hard one may already be lower, and cannot be raised."""
    _, hard = resource.getrlimit(kind)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(kind, (value, hard))
