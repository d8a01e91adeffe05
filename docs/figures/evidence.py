"""Draw how often a set of images is answered rightly against the number of its images.

Run from the repository's root: python docs/figures/evidence.py [FOLDER]
FOLDER holds the tables that `python -m tests.benchmarks.bench_evidence` writes, with and without --known-ctf; by default
those that stand beside this file.
"""

import csv
import sys
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from emsearch.evaluation.intervals import wilson_interval

OUT = Path("docs/images/evidence.png")
CONDITIONS = {
    "plain": "transfer function of half of them, unknown",
    "known-ctf": "transfer function of all of them, known",
}


def draw(panel: Axes, path: Path) -> None:
    """Draw a line a noise level, with 95 % intervals (Wilson), and the mean probability of the right group, dashed."""
    with path.open(newline="") as file:
        rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
    for number, snr in enumerate(sorted({row["snr"] for row in rows}, reverse=True)):
        own = [row for row in rows if row["snr"] == snr]
        images = np.array([row["images"] for row in own]) * 1.04**number
        right = np.array([row["first"] / row["sets"] for row in own])
        reach = np.array([wilson_interval(int(row["first"]), int(row["sets"])) for row in own])
        colour = f"C{number}"
        panel.errorbar(
            images,
            right,
            np.abs(reach.T - right),
            marker="o",
            capsize=3,
            color=colour,
            label=f"SNR {snr:g}, first",
        )
        stated = [row["mean_probability"] for row in own]
        panel.plot(images, stated, "--", color=colour, alpha=0.6, label=f"SNR {snr:g}, its probability")
    counts = sorted({int(row["images"]) for row in rows})
    panel.set(xscale="log", ylim=(0, 1.03), xlabel="images of one structure")
    panel.set_xticks(counts, [str(count) for count in counts])
    panel.minorticks_off()
    panel.grid(alpha=0.3)


def main() -> None:
    """Draw a panel for each table that is there."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/figures")
    there = {name: folder / f"evidence-{name}.csv" for name in CONDITIONS}
    there = {name: path for name, path in there.items() if path.exists()}
    figure = Figure(figsize=(3.8 * len(there), 3.4), layout="constrained")
    panels = figure.subplots(1, len(there), sharey=True, squeeze=False)[0]
    for panel, (name, path) in zip(panels, there.items(), strict=True):
        draw(panel, path)
        panel.set_title(CONDITIONS[name], fontsize="small")
    panels[0].set_ylabel("right group")
    panels[0].legend(frameon=False, fontsize="x-small", loc="upper left")
    figure.savefig(OUT, dpi=120)


if __name__ == "__main__":
    main()
