"""Views of new structures: embedded as `build` embeds them, and put behind the vectors that the index has."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emsearch.build.adding.groups import Home
from emsearch.build.embedding import Embedder, ViewGrid, view_grid
from emsearch.build.progress import Ticker
from emsearch.build.settings import BuildSettings
from emsearch.build.view_rows import StructureViews
from emsearch.structures.beads import BeadArchive
from emsearch_index.vectors import append_vectors

__all__ = ["NewViews", "append_views", "embed_newcomers"]


@dataclass(frozen=True, slots=True)
class NewViews:
    """The views of one new structure: unit embeddings float32 (n, width) in the order of their grid (n,)."""

    structure: str
    home: Home
    grid: ViewGrid
    embedding: NDArray[np.float32]

    @property
    def rows(self) -> StructureViews:
        """What the catalogue is told of them."""
        return StructureViews(self.structure, self.home.id, self.home.size_class.name, self.grid)


def embed_newcomers(
    homes: Sequence[Home],
    beads: BeadArchive,
    weights: Path,
    settings: BuildSettings,
    report: Callable[[str], None],
) -> list[NewViews]:
    """Embed the new structures of all homes, at the stain heights of representatives or of other members."""
    embedder = Embedder(weights, settings.device)
    wanted = [(home, name) for home in homes for name, _ in home.newcomers]
    ticker = Ticker(report, "add: structures embedded", len(wanted))
    views = []
    for home, name in wanted:
        represents = home.new and name == home.shape.medoid
        grid = view_grid(settings.nside, settings.fills if represents else settings.member_fills)
        size_class = home.size_class
        found = embedder.embed(beads[name], grid, size_class.pixel_size_angstrom, size_class.box_px)
        embedding = found.astype(np.float32)
        embedding /= np.linalg.norm(embedding, axis=1, keepdims=True)
        views.append(NewViews(name, home, grid, embedding))
        ticker.step()
    return views


def append_views(source: Path, views: Sequence[NewViews], path: Path) -> int:
    """Write the vectors of a size class and those of its new views behind them; return how many the first were."""
    added = np.concatenate([one.embedding for one in views])
    return append_vectors(source, added, path) - len(added)
