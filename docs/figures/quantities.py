"""Draw what is read off images of molecules that the head was not fitted on, against the truth, with its ranges.

Run from the repository's root: python docs/figures/quantities.py (five minutes on one core)
"""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter
from numpy.typing import NDArray

from emsearch.evaluation.quantities import QuantityImages, draw_quantity_images, held_out_groups
from emsearch.network.quantities import QUANTITIES, fit_head, from_pixels, read
from emsearch.search.engine import SearchIndex, open_index

OUT = Path("docs/images/quantities.png")
IMAGES = 10_000
SHOWN = 120
SEED = 5
LEVELS = (("SNR above 1", 1.0, np.inf), ("SNR below 0.3", 0.0, 0.3))
PANELS = (("mass_kda", "mass, kDa"), ("long_angstrom", "long extent, Å"))


def panel(axes: Axes, truth: NDArray[np.float64], said: NDArray[np.float64]) -> None:
    """Draw values said (n, 3), mean, lower and upper end, against the truth (n,)."""
    held = (truth >= said[:, 1]) & (truth <= said[:, 2])
    for some, colour, name in ((held, "#2b6cb0", "range holds it"), (~held, "#c05621", "range misses it")):
        off = np.abs(said[some, 1:] - said[some, :1]).T
        axes.errorbar(truth[some], said[some, 0], off, fmt=".", ms=3, lw=0.5, color=colour, label=name)
    ends = np.array([truth.min() / 1.3, truth.max() * 1.3])
    axes.plot(ends, ends, color="0.5", lw=0.8, zorder=0)
    axes.set(xscale="log", yscale="log", xlim=ends, ylim=ends, aspect="equal")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axis.set_minor_formatter(NullFormatter())


def draw(index: SearchIndex, drawn: QuantityImages) -> Figure:
    """Fit a head without a fifth of the groups, and draw images of that fifth."""
    unseen = np.isin(drawn.group, held_out_groups(index, SEED + 1))
    width = np.isin(drawn.group, held_out_groups(index, SEED)) & ~unseen
    head = fit_head(drawn.features[~unseen].float(), drawn.target[~unseen], width[~unseen])
    found = read(head, drawn.features, 1)
    limits = (found.mean, found.mean - found.half, found.mean + found.half)
    said = np.stack([from_pixels(v, drawn.pixel_size_angstrom) for v in limits], axis=2)
    figure = Figure(figsize=(7.0, 7.0), layout="constrained")
    for row, (name, title) in zip(figure.subplots(len(PANELS), len(LEVELS)), PANELS, strict=True):
        column = QUANTITIES.index(name)
        for axes, (level, low, high) in zip(row, LEVELS, strict=True):
            some = unseen & (drawn.parameters.snr >= low) & (drawn.parameters.snr < high)
            rows = np.flatnonzero(some)[:SHOWN]
            panel(axes, drawn.truth[rows, column], said[rows, column])
            axes.set_title(f"{title}: {level}", fontsize="small")
            axes.set(xlabel="true", ylabel="read")
    figure.axes[0].legend(fontsize="x-small", loc="upper left")
    return figure


def main() -> None:
    """Draw images of all groups, and the figure."""
    index = open_index(device="cpu")
    drawn = draw_quantity_images(index, range(len(index.groups)), IMAGES, SEED, report=print)
    draw(index, drawn).savefig(OUT, dpi=110)


if __name__ == "__main__":
    main()
