"""Views of new structures: embedded as `build` embeds them, and put behind the vectors that the index has."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emsearch.build.adding.groups import Home
from emsearch.build.embedding import VIEW_RESOLUTION_ANGSTROM, Embedder, ViewGrid, view_grid
from emsearch.build.progress import Ticker
from emsearch.build.settings import BuildSettings
from emsearch.structures.beads import BeadArchive
from emsearch_index.vectors import append_vectors

__all__ = ["NewViews", "append_views", "embed_newcomers", "view_columns"]


@dataclass(frozen=True, slots=True)
class NewViews:
    """The views of one new structure: unit embeddings float32 (n, width) in the order of their grid (n,)."""

    structure: str
    home: Home
    grid: ViewGrid
    embedding: NDArray[np.float32]


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


def view_columns(views: Sequence[NewViews], vectors_before: Mapping[str, int]) -> dict[str, Any]:
    """Return the columns of ``views``; in each size class ``vector_id`` goes on from the vectors there were before."""
    counts = np.array([len(one.grid) for one in views])
    quaternion = np.concatenate([one.grid.quaternion for one in views]).astype(np.float32)
    size_class = np.repeat([one.home.size_class.name for one in views], counts)
    vector_id = np.zeros(len(size_class), np.int64)
    for name in np.unique(size_class).tolist():
        here = size_class == name
        vector_id[here] = vectors_before[name] + np.arange(here.sum())
    return {
        "vector_id": vector_id,
        "size_class": size_class.tolist(),
        "structure_id": np.repeat([one.structure for one in views], counts).tolist(),
        "group_id": np.repeat([one.home.id for one in views], counts).tolist(),
        **{f"quaternion_{axis}": quaternion[:, k] for k, axis in enumerate("wxyz")},
        "fill": np.concatenate([one.grid.fill for one in views]),
        "resolution_angstrom": np.full(len(size_class), VIEW_RESOLUTION_ANGSTROM, np.float32),
        "defocus_um": np.zeros(len(size_class), np.float32),
    }
