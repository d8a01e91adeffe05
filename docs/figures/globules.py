"""Draw small globules and larger assemblies of the shipped index as clean stain shows them at 20 A.

Run from the repository's root: python docs/figures/globules.py
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from emsearch.imaging.parameters import clean_parameters
from emsearch.imaging.rotations import healpix_directions, quaternion_from_direction
from emsearch.search.engine import Group, open_index
from emsearch_index.catalogue import Catalogue

OUT = Path("docs/images/globules.png")
SMALL_UNDER_ANGSTROM = 40.0
LARGE_UP_TO_ANGSTROM = 230.0
A_ROW = 6
BOX_PX = 64
FRAME_ANGSTROM = 240.0


def main() -> None:
    """Draw groups evenly spread over those below and above a radius of gyration of 40 A, in one direction."""
    index = open_index(device="cpu")
    with Catalogue(index.generation.file("catalogue.duckdb")) as catalogue:
        rows = catalogue.rows("SELECT id, rg_angstrom FROM structures")
    radius = {row["id"]: row["rg_angstrom"] for row in rows}
    named = [g for g in index.groups if g.title and g.dmax_angstrom <= LARGE_UP_TO_ANGSTROM]
    named.sort(key=lambda g: (radius[g.representative], g.id))
    small = [g for g in named if radius[g.representative] < SMALL_UNDER_ANGSTROM]
    large = [g for g in named if radius[g.representative] >= SMALL_UNDER_ANGSTROM]
    rows_of_groups = [_spread(small), _spread(large)]
    figure = Figure(figsize=(7.2, 3.0), layout="constrained")
    panels = figure.subplots(2, A_ROW)
    direction = quaternion_from_direction(healpix_directions(4))[40][None]
    for row, groups in zip(panels, rows_of_groups, strict=True):
        for panel, group in zip(row, groups, strict=True):
            simulator = index.simulator([group.representative])
            pixel = np.array([FRAME_ANGSTROM / BOX_PX])
            drawn = simulator.projections(np.zeros(1, np.int64), clean_parameters(direction), pixel, BOX_PX)
            panel.imshow(drawn[0].numpy(), cmap="gray")
            panel.set_title(f"{group.representative}, {group.dmax_angstrom:.0f} Å", fontsize="small")
            panel.axis("off")
    figure.savefig(OUT, dpi=110)


def _spread(groups: list[Group]) -> list[Group]:
    return [groups[k] for k in np.linspace(0, len(groups) - 1, A_ROW + 2).astype(int)[1:-1]]


if __name__ == "__main__":
    main()
