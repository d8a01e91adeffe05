"""Draw the scores of all pairs of structures that were compared for the shipped index, and three of the pairs.

Run from the repository's root: python docs/figures/grouping.py
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from emsearch.imaging.cloud import BeadCloud
from emsearch.imaging.parameters import clean_parameters
from emsearch.imaging.simulate import Simulator
from emsearch.shapes.superposition import superpose
from emsearch.structures.beads import BeadArchive, BeadModel
from emsearch_index.catalogue import Catalogue
from emsearch_index.generation import default_index_dir, open_generation

OUT = Path("docs/images/grouping.png")
PAIRS = (
    ("4oyn", "4y08", "ferritins"),
    ("1aon", "1mnf", "GroEL with cap"),
    ("1aym", "4fte", "capsids"),
)
THRESHOLD = 0.90
BOX_PX = 96


def main() -> None:
    """Draw a histogram above, and each pair in one view below."""
    generation = open_generation(default_index_dir())
    with Catalogue(generation.file("catalogue.duckdb")) as catalogue:
        scores = np.array([row["score"] for row in catalogue.rows("SELECT score FROM similarities")])
    beads = BeadArchive(generation.file("beads.npz"))
    figure = Figure(figsize=(7.2, 4.3), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=[1.5, 1])
    axes = above.subplots()
    axes.hist(scores, bins=np.arange(0.5, 1.005, 0.02), color="#4477aa")
    axes.axvline(THRESHOLD, color="#aa3377")
    axes.text(THRESHOLD + 0.003, axes.get_ylim()[1] * 0.8, "one group", color="#aa3377", fontsize="small")
    axes.set_xlabel("score of a pair")
    axes.set_ylabel("pairs")
    panels = below.subplots(1, 2 * len(PAIRS))
    for k, (a, b, title) in enumerate(PAIRS):
        first, second, score = one_view(beads[a], beads[b])
        panels[2 * k].imshow(first, cmap="gray")
        panels[2 * k].set_title(f"{title}\n{a}", fontsize="small", loc="left")
        panels[2 * k + 1].imshow(second, cmap="gray")
        panels[2 * k + 1].set_title(f"{b}, score {score:.2f}", fontsize="small", loc="left")
    for panel in panels:
        panel.axis("off")
    figure.savefig(OUT, dpi=100)
    print(f"{len(scores)} pairs, {np.count_nonzero(scores >= THRESHOLD)} of {THRESHOLD:g} or more")


def one_view(a: BeadModel, b: BeadModel) -> tuple[NDArray[np.float32], NDArray[np.float32], float]:
    """Return projections of a, and of b as it lies best on a, across the longest axis of a; and their score."""
    found = superpose(a, b)
    moved = b.centroid_angstrom * np.array([1, 1, -1 if found.mirror else 1], np.float32)
    laid = replace(
        b, centroid_angstrom=(moved @ found.rotation.T + found.translation_angstrom).astype(np.float32)
    )
    centre = np.average(a.centroid_angstrom, axis=0, weights=a.mass_da)
    axes = np.linalg.svd(a.centroid_angstrom - centre, full_matrices=False)[2]
    axes[2] *= np.sign(np.linalg.det(axes))
    reach = 2.5 * float(np.linalg.norm(a.centroid_angstrom - centre, axis=1).max())
    pictures = []
    for model in (a, laid):
        turned = ((model.centroid_angstrom - centre) @ axes.T).astype(np.float32)
        simulator = Simulator(BeadCloud.from_models([replace(model, centroid_angstrom=turned)]))
        parameters = clean_parameters(np.array([[1.0, 0.0, 0.0, 0.0]]))
        drawn = simulator.projections(np.zeros(1, np.int64), parameters, np.array([reach / BOX_PX]), BOX_PX)
        pictures.append(np.asarray(drawn[0].numpy()))
    return pictures[0], pictures[1], found.score


if __name__ == "__main__":
    main()
