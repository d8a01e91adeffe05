"""Draw the indexed views of five groups, and images of one of them at several noise levels, on two axes.

Run from the repository's root: python docs/figures/embeddings.py
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from emsearch.evaluation.figures import level_name
from emsearch.evaluation.simulated import STAIN, draw_images
from emsearch.imaging.normalise import normalise
from emsearch.search.engine import SearchIndex, open_index
from emsearch_index.vectors import Vectors

OUT = Path("docs/images/embeddings.png")
SIZE_CLASS = "d130-320"
SHOWN = ("1aon", "6cvm", "4v5a", "6vyb", "1aoi")
LEVELS = (np.inf, 10.0, 2.0, 0.5, 0.1)
SEED = 3
COLOURS = ("#aa3377", "#4477aa", "#228833", "#c9a227", "#66ccee")


def main() -> None:
    """Lay the views out along the principal axes of all of them, and follow the first group's image into noise."""
    index = open_index(device="cpu")
    group = [next(k for k, g in enumerate(index.groups) if name in g.members) for name in SHOWN]
    views = [_views(index, k) for k in group]
    mean, axes = _principal_axes(np.concatenate(views))
    figure = Figure(figsize=(6.4, 4.4), layout="constrained")
    panel = figure.subplots()
    for name, colour, some in zip(SHOWN, COLOURS, views, strict=True):
        panel.scatter(*((some - mean) @ axes).T, s=6, color=colour, label=name, linewidths=0, alpha=0.7)
    path = np.stack([(_image(index, group[0], snr) - mean) @ axes for snr in LEVELS])
    panel.plot(*path.T, color="black", marker="o", markersize=4, linewidth=1)
    for snr, (x, y) in zip(LEVELS, path, strict=True):
        panel.annotate(level_name(snr), (x, y), (4, 4), textcoords="offset points", fontsize="small")
    panel.set_xlabel("first principal axis")
    panel.set_ylabel("second")
    panel.legend(fontsize="small", markerscale=2)
    figure.savefig(OUT, dpi=100)


def _views(index: SearchIndex, group: int) -> NDArray[np.float32]:
    """Return the stored vectors (n, width) of a group's views."""
    size_class = next(c for c in index.classes if c.name == SIZE_CLASS)
    vectors = Vectors.open(index.generation.file(f"views-{SIZE_CLASS}.faiss"))
    return vectors.reconstruct(np.flatnonzero(size_class.group_of_vector == group))


def _principal_axes(vectors: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    mean = vectors.mean(axis=0)
    axes = np.linalg.svd(vectors - mean, full_matrices=False)[2][:2].T
    return mean, axes


def _image(index: SearchIndex, group: int, snr: float) -> NDArray[np.float32]:
    """Return the embedding (width,) of one image, the same but for the strength of its noise at every level."""
    drawn = draw_images(index, [group], STAIN, 1, SEED, snr)
    box = drawn.images.shape[-1]
    aperture = drawn.images.new_full((1,), box / 2)
    return np.asarray(index.embed(normalise(drawn.images, aperture))[0].numpy())


if __name__ == "__main__":
    main()
