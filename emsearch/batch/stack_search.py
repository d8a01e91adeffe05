"""A stack under search."""

from collections.abc import Sequence
from dataclasses import dataclass

from emsearch.batch.chunks import Chunk, pixel_size_of, read_chunk
from emsearch.batch.settings import BatchSettings
from emsearch.particles.errors import ImageError
from emsearch.particles.source import ParticleSource
from emsearch.search.contrast import decide_contrast
from emsearch.search.engine import SearchIndex

__all__ = ["StackSearch", "contrast_of_stack"]


@dataclass(frozen=True, slots=True, eq=False)
class StackSearch:
    """Which particles are searched in which index, how, and whether they are "bright" or "dark".

    ``chunks`` are the rows that are read and answered together, in their order.
    """

    index: SearchIndex
    source: ParticleSource
    settings: BatchSettings
    contrast: str
    chunks: tuple[range, ...]

    def read(self, rows: Sequence[int]) -> Chunk:
        """Read the particles of some rows."""
        return read_chunk(self.source, rows, self.settings)

    def pixel_size(self, row: int) -> float | None:
        """Return a particle's pixel size in A, None where unknown."""
        return pixel_size_of(self.source, row, self.settings)


def contrast_of_stack(
    index: SearchIndex, source: ParticleSource, settings: BatchSettings, chunks: Sequence[range]
) -> str:
    """Return the sign of a stack: as told, or decided by the first chunk that has images to decide it."""
    if settings.contrast != "auto":
        return settings.contrast
    for rows in chunks:
        for alike in read_chunk(source, rows, settings).alike:
            try:
                return decide_contrast(index, alike.images, alike.pixel_size_angstrom, settings.contrast)
            except ImageError:  # these pictures show too little; each of them will have its error
                continue
    return "bright"  # there is no image to ask, nor any answer that it matters to
