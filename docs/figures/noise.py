"""Draw one view of GroEL-GroES in negative stain at several noise levels.

Run from the repository's root: python docs/figures/noise.py
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from emsearch.evaluation.figures import level_name
from emsearch.evaluation.simulated import STAIN, draw_images
from emsearch.search.engine import open_index

OUT = Path("docs/images/noise.png")
STRUCTURE = "1aon"
LEVELS = (np.inf, 10.0, 2.0, 0.5, 0.1)
SEED = 3


def main() -> None:
    """Draw the same direction, stain and noise, the noise stronger from panel to panel."""
    index = open_index(device="cpu")
    group = next(k for k, g in enumerate(index.groups) if STRUCTURE in g.members)
    figure = Figure(figsize=(7.2, 1.75), layout="constrained")
    for panel, snr in zip(figure.subplots(1, len(LEVELS)), LEVELS, strict=True):
        drawn = draw_images(index, [group], STAIN, 1, SEED, snr)
        panel.imshow(drawn.images[0].numpy(), cmap="gray")
        panel.set_title(level_name(snr) if np.isinf(snr) else f"SNR {level_name(snr)}", fontsize="small")
        panel.axis("off")
    figure.savefig(OUT, dpi=110)


if __name__ == "__main__":
    main()
