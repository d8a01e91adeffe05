"""Whether simulated samples of two to five molecules and a fifth of junk are told apart, against their truth.

    python -m tests.benchmarks.bench_mixture FOLDER [--images 60] [--samples 60] [--seed 1] [--index DIR]

Simulates and matches a pool of images once (it stays in FOLDER): some of each of ten structures, and noise and particles
off the middle, all with the transfer function of their micrograph. Each sample draws a number of structures, their
fractions and its images from the pool, no image twice, and `fit_mixture` does not know the draw. All samples are matched
against the same shortlist, that of the whole pool, so that the structures a sample lacks are always on offer.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emsearch.batch.chunks import chunk_particles, read_chunk
from emsearch.batch.matched_sample import shortlist_of, witnesses
from emsearch.batch.set_evidence import Witness
from emsearch.batch.settings import BatchSettings
from emsearch.batch.stack_search import StackSearch, contrast_of_stack
from emsearch.evaluation.intervals import wilson_interval
from emsearch.evidence.mixture import Component, fit_mixture
from emsearch.imaging.stack_files import write_stack
from emsearch.particles.source import open_particles
from emsearch.search.engine import SearchIndex, open_index
from emsearch.search.proposal import propose_together
from tests.benchmarks.bench_batch import (
    A_MICROGRAPH,
    BOX,
    NOISE,
    OFF_CENTRE,
    OPTICS,
    PIXEL_ANGSTROM,
    STRUCTURES,
    chosen_structures,
    draw_parameters,
)

JUNK_SHARE = 0.2  # of a sample, half of it noise
FEWEST, MOST = 2, 5  # structures of a sample
SMALLEST = 0.05  # fraction of a structure that is there
AT_ONCE = 10


@dataclass(frozen=True, slots=True)
class Pool:
    """Matched images: what each shows (n,), rows of log-shares (n, g + 1) and log-odds of a particle (n,).

    ``shows`` is a number on the shortlist, one behind its end for a group that is not on it, or -1 for noise and -2 for a
    particle off the middle.
    """

    shows: NDArray[np.int64]
    said: NDArray[np.float64]
    log_particle: NDArray[np.float64]


def simulate(folder: Path, index: SearchIndex, images: int, seed: int) -> NDArray[np.int64]:
    """Write the pool's images in random order; return the structure's number of each, -1 and -2 for junk."""
    rng = np.random.default_rng(seed)
    names = chosen_structures(index)
    kinds = np.concatenate([np.repeat(np.arange(STRUCTURES), images), np.repeat([-1, -2], images)])
    kinds = rng.permutation(kinds)
    junk = np.select([kinds == -1, kinds == -2], [NOISE, OFF_CENTRE], "")
    shown = np.where(kinds >= 0, kinds, rng.integers(0, STRUCTURES, len(kinds)))
    p = draw_parameters(junk, rng)
    simulator = index.simulator(names)
    pixel = np.full(len(kinds), PIXEL_ANGSTROM)
    drawn = simulator.micrographs(shown, p, pixel, BOX, seed).micrographs.numpy()
    metadata: dict[str, list[str] | NDArray[Any]] = {
        "rlnDefocusU": p.defocus_um * 1e4,
        "rlnDefocusV": p.defocus_um * 1e4,
        "rlnDefocusAngle": np.zeros(len(kinds)),
        "rlnMicrographName": [f"micrograph{k // A_MICROGRAPH:04d}.mrc" for k in range(len(kinds))],
    }
    star = folder / "pool.star"
    write_stack(folder / "pool.mrcs", drawn, PIXEL_ANGSTROM, star=star, metadata=metadata, optics=OPTICS)
    return kinds


def matched_pool(folder: Path, index: SearchIndex, images: int, seed: int) -> Pool:
    """Simulate and match the pool, or read what an earlier run matched."""
    kept = folder / "pool.npz"
    if kept.exists():
        with np.load(kept) as arrays:
            return Pool(arrays["shows"], arrays["said"], arrays["log_particle"])
    kinds = simulate(folder, index, images, seed)
    source, settings = open_particles(str(folder / "pool.star")), BatchSettings()
    size = chunk_particles(source, settings)
    chunks = [range(k, min(k + size, source.count)) for k in range(0, source.count, size)]
    stack = StackSearch(
        index, source, settings, contrast_of_stack(index, source, settings, chunks), tuple(chunks)
    )
    total = np.zeros(len(index.groups))
    for rows in chunks:
        for alike in read_chunk(source, rows, settings).alike:
            images_bright = alike.bright(stack.contrast)
            total += propose_together(index, images_bright, alike.pixel_size_angstrom).share.sum(0)
    shortlist = shortlist_of(index, total / source.count)
    found: dict[int, Witness] = {}
    for first in range(0, source.count, AT_ONCE):
        found |= witnesses(stack, np.arange(first, min(first + AT_ONCE, source.count)), shortlist)
        print(f"matched {len(found)} of {source.count}", end="\r", flush=True)
    place = places_on(shortlist, [number_of(index, name) for name in chosen_structures(index)])
    pool = Pool(
        np.array([place[k] if k >= 0 else k for k in kinds.tolist()]),
        np.stack([found[k].said for k in range(source.count)]),
        np.array([found[k].log_particle for k in range(source.count)]),
    )
    np.savez(kept, shows=pool.shows, said=pool.said, log_particle=pool.log_particle)
    return pool


def places_on(shortlist: NDArray[np.int64], groups: list[int]) -> list[int]:
    """Return where groups stand on the shortlist, those that are not there behind its end."""
    listed = shortlist.tolist()
    return [listed.index(g) if g in listed else len(listed) + k for k, g in enumerate(groups)]


def number_of(index: SearchIndex, representative: str) -> int:
    """Return the number of a representative's group."""
    return next(k for k, group in enumerate(index.groups) if group.representative == representative)


def draw_sample(pool: Pool, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return the rows of a sample as large as the pool allows for its fractions."""
    structures = np.unique(pool.shows[pool.shows >= 0])
    chosen = rng.choice(structures, rng.integers(FEWEST, MOST + 1), replace=False)
    while True:
        fraction = rng.dirichlet(np.full(len(chosen), 2.0)) * (1 - JUNK_SHARE)
        if fraction.min() >= SMALLEST:
            break
    kinds = [*chosen.tolist(), -1, -2]
    share = np.array([*fraction, JUNK_SHARE / 2, JUNK_SHARE / 2])
    there = np.array([(pool.shows == kind).sum() for kind in kinds])
    size = int((there / share).min())
    count = np.minimum((share * size).round().astype(int), there)
    rows = [
        rng.choice(np.flatnonzero(pool.shows == kind), n, replace=False)
        for kind, n in zip(kinds, count, strict=True)
    ]
    return np.concatenate(rows)


@dataclass
class Tally:
    """What the samples of one number of structures came to."""

    samples: int = 0
    images: int = 0
    structures: int = 0
    found: int = 0
    within: int = 0
    off: float = 0.0
    false: int = 0
    false_fraction: float = 0.0
    junk: float = 0.0
    noise: float = 0.0

    def add(self, pool: Pool, rows: NDArray[np.int64], components: tuple[Component, ...]) -> None:
        """Count one sample in."""
        shows = pool.shows[rows]
        true = {int(k): float((shows == k).mean()) for k in np.unique(shows[shows >= 0])}
        fitted = {part.shows: part for part in components}
        self.samples += 1
        self.images += len(rows)
        self.structures += len(true)
        for structure, fraction in true.items():
            part = fitted.get(structure)
            self.found += part is not None
            self.within += part is not None and part.low <= fraction <= part.high
            self.off += abs((part.fraction if part else 0.0) - fraction)
        false = [
            part.fraction for part in components if isinstance(part.shows, int) and part.shows not in true
        ]
        self.false += len(false)
        self.false_fraction += sum(false)
        self.junk += sum(part.fraction for part in components if isinstance(part.shows, str))
        self.noise += sum(part.fraction for part in components if part.shows == "no particle")

    def row(self, name: str) -> str:
        """Return the tally as a row of a table."""
        low, high = wilson_interval(self.within, self.structures)
        n, k = self.samples, self.structures
        cells = [
            name,
            f"{n}",
            f"{self.images / n:.0f}",
            f"{self.found} of {k}",
            f"{self.within / k:.2f} ({low:.2f}-{high:.2f})",
            f"{self.off / k:.3f}",
            f"{self.false / n:.2f}",
            f"{self.false_fraction / n:.3f}",
            f"{self.junk / n:.3f}",
            f"{self.noise / n:.3f}",
        ]
        return f"| {' | '.join(cells)} |"


def main() -> None:
    """Match the pool, draw samples, count."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=int, default=60, help="of each structure and each kind of junk")
    parser.add_argument("--samples", type=int, default=60)
    parser.add_argument("--index", type=Path, default=None)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    pool = matched_pool(options.folder, open_index(options.index), options.images, options.seed)
    tallies = {k: Tally() for k in range(FEWEST, MOST + 1)}
    every = Tally()
    for seed in range(options.samples):
        rows = draw_sample(pool, np.random.default_rng([options.seed, seed]))
        components = fit_mixture(pool.said[rows], pool.log_particle[rows]).components
        structures = len(np.unique(pool.shows[rows][pool.shows[rows] >= 0]))
        tallies[structures].add(pool, rows, components)
        every.add(pool, rows, components)
    print(
        "| structures | samples | images | found | fractions within | mean error | false | their part | junk | as noise |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for number, tally in tallies.items():
        if tally.samples:
            print(tally.row(str(number)))
    print(every.row("all"))


if __name__ == "__main__":
    main()
