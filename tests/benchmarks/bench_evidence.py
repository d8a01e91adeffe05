"""How many images of one unknown it takes: accuracy of the answer for a set against the number of its images.

    python tests/benchmarks/bench_evidence.py FOLDER [--structures 16] [--snr 0.1,0.05] [--index DIR]

Simulates 100 images of each of some representatives, negative stain with every nuisance and no CTF, and searches them as
`emsearch batch --by emsSet` does, where the same images make sets of 1, 3, 10, 30 and 100: those of 10 are the first of
those of 30, and so on. Writes evidence.parquet, a row a set and level, and evidence.png.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from emsearch.batch.run import run_batch
from emsearch.batch.set_answers import SetAnswer
from emsearch.batch.settings import BatchSettings
from emsearch.evaluation.intervals import wilson_interval
from emsearch.imaging.parameters import ParameterRanges
from emsearch.imaging.stack_files import write_stack
from emsearch.particles.source import open_particles
from emsearch.search.engine import SearchIndex, open_index

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


def simulate(folder: Path, index: SearchIndex, names: list[str], snr: float, seed: int) -> Path:
    """Write the images of all structures and a STAR file in which they make their sets."""
    most = max(COUNTS)
    shown = np.repeat(np.arange(len(names)), most)
    rng = np.random.default_rng(seed)
    p = ParameterRanges(stained_share=1.0).sample(rng, len(shown), np.full(len(shown), PIXEL_ANGSTROM * BOX))
    p = p.with_values(snr=snr)
    simulator = index.simulator(names)
    images = np.concatenate(
        [
            simulator.micrographs(shown[k : k + 200], p[k : k + 200], np.full(200, PIXEL_ANGSTROM), BOX, seed + k)
            .micrographs.numpy()
            for k in range(0, len(shown), 200)
        ]
    )  # fmt: skip
    write_stack(folder / f"snr{snr}.mrcs", images, PIXEL_ANGSTROM, star=None, metadata={})
    star = folder / f"snr{snr}.star"
    rows = [
        f"{structure * most + k + 1}@snr{snr}.mrcs {names[structure]}/{count}"
        for structure in range(len(names))
        for count in COUNTS
        for k in range(count)
    ]
    star.write_text("data_\n\nloop_\n_rlnImageName\n_emsSet\n" + "\n".join(rows) + "\n")
    return star


def set_row(index: SearchIndex, answer: SetAnswer, snr: float) -> dict[str, Any]:
    """Return what a set said and where its right group came, 0 where it is not among the hits."""
    name, _, count = answer.set.rpartition("/")
    right = next(g.id for g in index.groups if g.representative == name)
    places = [place for place, hit in enumerate(answer.hits, start=1) if hit.group == right]
    return {
        "snr": snr,
        "structure": name,
        "images": int(count),
        "place": places[0] if places else 0,
        "probability_of_first": answer.hits[0].probability,
        "none": answer.none,
        "images_to_settle": answer.images_to_settle,
    }


def draw(table: pa.Table, path: Path) -> None:
    """Draw how often the right group comes first, with 95 % intervals (Wilson)."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    snr, images, place = (table.column(name).to_numpy() for name in ("snr", "images", "place"))
    figure = Figure(figsize=(6, 3.6), dpi=120)
    FigureCanvasAgg(figure)
    panel = figure.subplots()
    for number, level in enumerate(sorted(set(snr), reverse=True)):
        own = [(snr == level) & (images == count) for count in COUNTS]
        first = [float((place[some] == 1).mean()) for some in own]
        reach = [wilson_interval(int((place[some] == 1).sum()), int(some.sum())) for some in own]
        below = [f - low for f, (low, _) in zip(first, reach, strict=True)]
        above = [high - f for f, (_, high) in zip(first, reach, strict=True)]
        panel.errorbar(
            np.array(COUNTS) * 1.04**number,
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
    parser.add_argument("--snr", default="0.1,0.05")
    parser.add_argument("--index", type=Path, default=None)
    parser.add_argument("--match-per-set", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    index = open_index(options.index)
    names = chosen_structures(index, options.structures)
    settings = BatchSettings(
        pixel_size_angstrom=PIXEL_ANGSTROM, rerank=0, by="emsSet", match_per_set=options.match_per_set
    )
    rows = []
    for snr in map(float, options.snr.split(",")):
        star = simulate(options.folder, index, names, snr, options.seed)
        report = run_batch(
            index, open_particles(str(star)), star.with_suffix(".parquet"), settings, restart=True
        )
        rows += [set_row(index, answer, snr) for answer in report.sets]
        for count in COUNTS:
            own = [row for row in rows if row["snr"] == snr and row["images"] == count]
            first, three = (sum(1 <= row["place"] <= k for row in own) for k in (1, 3))
            print(
                f"SNR {snr:g}, {count:3} images: first {first}, first three {three} of {len(own)}", flush=True
            )
        pq.write_table(pa.Table.from_pylist(rows), options.folder / "evidence.parquet")
    draw(pa.Table.from_pylist(rows), options.folder / "evidence.png")


if __name__ == "__main__":
    main()
