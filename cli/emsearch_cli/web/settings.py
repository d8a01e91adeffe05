"""What the page may use: bytes, images, places in its queue, and time."""

from dataclasses import dataclass

from emsearch.particles.limits import ReadingLimits
from emsearch_index.sql import SqlLimits

__all__ = ["WebSettings"]


@dataclass(frozen=True, slots=True)
class WebSettings:
    """Limits of one running page.

    Attributes
    ----------
    upload_bytes, form_bytes : int
        Longest request with an image, and without one.
    waiting : int
        Searches that may wait, those whose image is still on its way counted.
    images : int
        Of a stack so many are searched; `emsearch batch` is for the others.
    pixels : int
        Most pixels that one request may hold in memory, all its images together.
    search_seconds : float
        After so long the images of a stack that are left are not searched.
    request_seconds : float
        Longest request from its first byte to the last of its answer.
    held_seconds : float
        How long a request for an answer waits for it.
    kept, kept_bytes, kept_seconds
        How many answers are kept, in how much memory, for how long.
    sql_together, sql_waiting : int
        SQL statements that run at the same time, and that may wait.
    """

    upload_bytes: int = 256 << 20
    form_bytes: int = 256 << 10
    waiting: int = 8
    images: int = 16
    pixels: int = 1 << 23
    search_seconds: float = 300.0
    request_seconds: float = 120.0
    held_seconds: float = 10.0
    kept: int = 100
    kept_bytes: int = 64 << 20
    kept_seconds: float = 3600.0
    sql_together: int = 2
    sql_waiting: int = 8

    @property
    def reading(self) -> ReadingLimits:
        """What decoding an upload may cost."""
        most = self.upload_bytes
        return ReadingLimits(file_bytes=most, encoded_bytes=most, total_px=self.pixels, wall_seconds=30.0)

    @property
    def sql(self) -> SqlLimits:
        """What a statement may cost."""
        return SqlLimits(cpu_seconds=10, wall_seconds=15.0)
