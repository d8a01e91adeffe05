"""Draw the indexed views of five groups on two axes, and how noise takes images away from their own group.

Run from the repository's root: python docs/figures/embeddings.py
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from emsearch.evaluation.figures import level_name
from emsearch.evaluation.simulated import STAIN, draw_images
from emsearch.imaging.normalise import normalise
from emsearch.search.engine import IndexedClass, SearchIndex, open_index
from emsearch_index.vectors import Vectors

OUT = Path("docs/images/embeddings.png")
SIZE_CLASS = "d130-320"
SHOWN = {"1aon": "#aa3377", "6cvm": "#4477aa", "4v5a": "#228833", "6vyb": "#c9a227", "1aoi": "#66ccee"}
LEVELS = (np.inf, 10.0, 2.0, 0.5, 0.1)
IMAGES = 100

Floats = NDArray[np.float32]


def main() -> None:
    """Draw the views along the axes that part the groups' means most, and beside them the nearest cosines."""
    index = open_index(device="cpu")
    size_class = next(c for c in index.classes if c.name == SIZE_CLASS)
    vectors = Vectors.open(index.generation.file(f"views-{SIZE_CLASS}.faiss"))
    every = vectors.reconstruct(np.arange(len(vectors)))
    figure = Figure(figsize=(8.0, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[1.2, 1])
    group = [next(k for k, g in enumerate(index.groups) if name in g.members) for name in SHOWN]
    views = [every[size_class.group_of_vector == k][::2] for k in group]
    means = np.stack([some.mean(axis=0) for some in views])
    axes = np.linalg.svd(means - means.mean(axis=0), full_matrices=False)[2][:2].T
    for (name, colour), some in zip(SHOWN.items(), views, strict=True):
        left.plot(*((some - means.mean(axis=0)) @ axes).T, ".", markersize=2, color=colour, label=name)
    left.set(xlabel="first axis", ylabel="second axis")
    left.legend(fontsize="small", markerscale=4)
    cosines = np.array([nearest_cosines(index, size_class, every, snr) for snr in LEVELS])
    for k, (label, colour) in enumerate((("own group", "#aa3377"), ("any other group", "#4477aa"))):
        low, middle, high = np.percentile(cosines[:, k], (10, 50, 90), axis=1)
        right.plot(middle, "o-", color=colour, label=label)
        right.fill_between(range(len(LEVELS)), low, high, color=colour, alpha=0.2, linewidth=0)
        print(label, np.round(middle, 2))
    print("own group nearer:", np.mean(cosines[:, 0] > cosines[:, 1], axis=1))
    right.set_xticks(range(len(LEVELS)), [level_name(snr) for snr in LEVELS])
    right.set(xlabel="SNR", ylabel="cosine to the nearest view")
    right.legend(fontsize="small")
    figure.savefig(OUT, dpi=90)


def nearest_cosines(index: SearchIndex, size_class: IndexedClass, views: Floats, snr: float) -> Floats:
    """Return the largest cosine of images at a noise level to views of their own group and of others, (2, images)."""
    groups = np.flatnonzero(size_class.allowed).tolist()
    drawn = draw_images(index, groups, STAIN, IMAGES, 0, snr)
    aperture = drawn.images.new_full((IMAGES,), size_class.box_px / 2)
    cosine = index.embed(normalise(drawn.images, aperture)).numpy() @ views.T
    own = size_class.group_of_vector[None] == drawn.group[:, None]
    return np.stack([np.where(own, cosine, -1).max(axis=1), np.where(own, -1, cosine).max(axis=1)])


if __name__ == "__main__":
    main()
