"""How many images of one unknown it takes: accuracy of the answer for a set against the number of its images.

    python tests/benchmarks/bench_evidence.py FOLDER [--structures 16] [--images 100] [--snr 0.1,0.05] [--index DIR]

Simulates images of some representatives, negative stain with every nuisance, half of them with a transfer
function that nobody tells, and matches each once, against the
shortlist that the network makes of all images of its structure, as `emsearch batch --by` does. They are then cut into sets
of 1, 3, 10, 30 and 100, no image twice at a size, and each set is answered. Writes evidence.parquet, a row a set, and
evidence.png.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from torch import Tensor

from emsearch.batch.matched_sample import shortlist_of
from emsearch.batch.set_evidence import witness
from emsearch.evaluation.intervals import wilson_interval
from emsearch.evidence.posterior import set_posterior
from emsearch.imaging.parameters import ParameterRanges
from emsearch.search.engine import SearchIndex, open_index
from emsearch.search.proposal import propose_together

COUNTS = (1, 3, 10, 30, 100)
PIXEL_ANGSTROM, BOX = 5.0, 96
DMAX_ANGSTROM = (100.0, 320.0)  # of structures that fill between a fifth and two thirds of the box


def chosen_structures(index: SearchIndex, count: int) -> list[str]:
    """Return representatives evenly spread over the range of Dmax."""
    low, high = DMAX_ANGSTROM
    fitting = sorted(
        (g.dmax_angstrom, g.representative) for g in index.groups if low < g.dmax_angstrom < high
    )
    return [fitting[k][1] for k in np.linspace(0, len(fitting) - 1, count).round().astype(int)]


def draw_images(index: SearchIndex, name: str, images: int, snr: float, seed: int) -> Tensor:
    """Draw bright-particle images of one structure."""
    rng = np.random.default_rng(seed)
    p = ParameterRanges(stained_share=1.0).sample(rng, images, np.full(images, PIXEL_ANGSTROM * BOX))
    pixel = np.full(images, PIXEL_ANGSTROM)
    shown = np.zeros(images, np.int64)
    return index.simulator([name]).micrographs(shown, p.with_values(snr=snr), pixel, BOX, seed).micrographs


def set_rows(index: SearchIndex, name: str, images: int, snr: float, seed: int) -> list[dict[str, Any]]:
    """Match the images of one structure and answer all sets of them; a place of 0 is that of no group of the shortlist."""
    drawn = draw_images(index, name, images, snr, seed)
    proposals = propose_together(index, drawn, PIXEL_ANGSTROM)
    shortlist = shortlist_of(index, proposals.share.mean(0))
    said = np.stack([witness(index, drawn[k], proposals, k, shortlist).said for k in range(images)])
    right = next(k for k, group in enumerate(index.groups) if group.representative == name)
    rows = []
    for count in (c for c in COUNTS if c <= images):
        for first in range(0, images - count + 1, count):
            answer = set_posterior(said[first : first + count])
            places = np.flatnonzero(shortlist[answer.order] == right) + 1
            none_first = answer.none > answer.probability.max()
            rows.append(
                {
                    "snr": snr,
                    "structure": name,
                    "images": count,
                    "place": int(places[0]) if len(places) else 0,
                    "first": bool(len(places) and places[0] == 1 and not none_first),
                    "probability_of_first": float(answer.probability.max()),
                    "none": answer.none,
                }
            )
    return rows


def draw(table: pa.Table, path: Path) -> None:
    """Draw how often the right group comes first, with 95 % intervals (Wilson)."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    snr, images, right = (
        table.column(name).to_numpy(zero_copy_only=False) for name in ("snr", "images", "first")
    )
    figure = Figure(figsize=(6, 3.6), dpi=120)
    FigureCanvasAgg(figure)
    panel = figure.subplots()
    for number, level in enumerate(sorted(set(snr), reverse=True)):
        counts = [count for count in COUNTS if count <= images.max()]
        own = [(snr == level) & (images == count) for count in counts]
        first = [float(right[some].mean()) for some in own]
        reach = [wilson_interval(int(right[some].sum()), int(some.sum())) for some in own]
        below = [f - low for f, (low, _) in zip(first, reach, strict=True)]
        above = [high - f for f, (_, high) in zip(first, reach, strict=True)]
        panel.errorbar(
            np.array(counts) * 1.04**number,
            first,
            [below, above],
            marker="o",
            capsize=3,
            label=f"SNR {level:g}",
        )
    panel.set(xscale="log", ylim=(0, 1.03), xlabel="images of one structure", ylabel="right group first")
    panel.set_xticks(COUNTS, [str(count) for count in COUNTS])
    panel.grid(alpha=0.3)
    panel.legend(frameon=False)
    figure.tight_layout()
    figure.savefig(path)


def main() -> None:
    """Simulate, search, count, draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--structures", type=int, default=16)
    parser.add_argument("--images", type=int, default=max(COUNTS), help="of each structure")
    parser.add_argument("--snr", default="0.1,0.05")
    parser.add_argument("--index", type=Path, default=None)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    index = open_index(options.index)
    rows: list[dict[str, Any]] = []
    for snr in map(float, options.snr.split(",")):
        for number, name in enumerate(chosen_structures(index, options.structures)):
            rows += set_rows(index, name, options.images, snr, options.seed + number)
            pq.write_table(pa.Table.from_pylist(rows), options.folder / "evidence.parquet")
        for count in (c for c in COUNTS if c <= options.images):
            own = [row for row in rows if row["snr"] == snr and row["images"] == count]
            first, three = sum(row["first"] for row in own), sum(1 <= row["place"] <= 3 for row in own)
            print(f"SNR {snr:g}, {count:3} images: first {first}, in three {three} of {len(own)}", flush=True)
    draw(pa.Table.from_pylist(rows), options.folder / "evidence.png")


if __name__ == "__main__":
    main()
