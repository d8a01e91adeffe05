"""How fast and how well a stack of particles is searched, against its truth.

    python tests/benchmarks/bench_batch.py FOLDER [--particles 20000] [--index DIR]

Simulates a stack (once; it stays in FOLDER) of ten structures in unequal parts, at a signal-to-noise ratio of 0.3 with
the CTF of each micrograph's defocus, 15 % of it junk: noise, and particles that lie off the middle. Searches it as
`emsearch batch --by rlnClassNumber --mixture` does, and prints time, rate over that of the network alone on as many
copies of the images, peak memory, how often the right group comes first, what the sets say, and the fitted fractions.
Times are wall-clock; run it on a quiet machine.
"""

import argparse
import math
import multiprocessing
import resource
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray

from emsearch.batch.chunks import read_chunk
from emsearch.batch.run import BatchReport, run_batch
from emsearch.batch.settings import BatchSettings
from emsearch.imaging.parameters import ImageParameters, ParameterRanges
from emsearch.imaging.stack_files import truth_columns, write_stack
from emsearch.particles.source import ParticleSource, open_particles
from emsearch.search.engine import SearchIndex, open_index
from emsearch.search.framing import ClassRange, samplings
from emsearch.search.looking import COPIES
from emsearch.search.prepare import frame

STRUCTURES, SNR, JUNK_SHARE = 10, 0.3, 0.15
PIXEL_ANGSTROM, BOX = 4.0, 96
DMAX_ANGSTROM = (90.0, 300.0)  # of structures that fill between a quarter and four fifths of the box
A_MICROGRAPH = 200  # particles
OPTICS = {"rlnVoltage": 120.0, "rlnSphericalAberration": 2.7, "rlnAmplitudeContrast": 0.15}
NOISE, OFF_CENTRE = "noise", "off-centre"


@dataclass(frozen=True, slots=True)
class Truth:
    """Of n particles: the structure's number (-1: junk), the class number, and the kind of junk, "" for none.

    ``names`` are the structures'.
    """

    structure: NDArray[np.int64]
    class_number: NDArray[np.int64]
    junk: NDArray[Any]
    names: tuple[str, ...]


def chosen_structures(index: SearchIndex) -> tuple[str, ...]:
    """Return ten representatives, evenly spread over the range of Dmax."""
    low, high = DMAX_ANGSTROM
    fitting = sorted(
        (g.dmax_angstrom, g.representative) for g in index.groups if low < g.dmax_angstrom < high
    )
    places = np.linspace(0, len(fitting) - 1, STRUCTURES).round().astype(int)
    return tuple(fitting[k][1] for k in places)


def draw_truth(names: tuple[str, ...], particles: int, rng: np.random.Generator) -> Truth:
    """Draw what each particle is."""
    fraction = np.arange(1, STRUCTURES + 1) / np.arange(1, STRUCTURES + 1).sum()
    shown = rng.choice(STRUCTURES, particles, p=fraction)
    chance = rng.random(particles)
    junk = np.where(chance < JUNK_SHARE / 2, NOISE, np.where(chance < JUNK_SHARE, OFF_CENTRE, ""))
    return Truth(np.where(junk == "", shown, -1), shown + 1, junk, names)


def draw_parameters(junk: NDArray[Any], rng: np.random.Generator) -> ImageParameters:
    """Draw views, stain, shifts and noise; junk has no signal, or its particle off the middle."""
    n, box_angstrom = len(junk), PIXEL_ANGSTROM * BOX
    micrograph = np.arange(n) // A_MICROGRAPH
    defocus = rng.uniform(0.4, 1.2, micrograph.max() + 1)[micrograph]
    p = ParameterRanges(stained_share=1.0).sample(rng, n, np.full(n, box_angstrom))
    angle, away = rng.uniform(0, 2 * math.pi, n), rng.uniform(0.35, 0.5, n) * box_angstrom
    off = np.stack([away * np.cos(angle), away * np.sin(angle)], 1)
    return p.with_values(
        snr=np.where(junk == NOISE, 1e-4, SNR),
        shift_angstrom=np.where((junk == OFF_CENTRE)[:, None], off, p.shift_angstrom),
        defocus_um=defocus,
        voltage_kv=OPTICS["rlnVoltage"],
        cs_mm=OPTICS["rlnSphericalAberration"],
        amplitude_contrast=OPTICS["rlnAmplitudeContrast"],
        phase_flipped=False,
        aperture=1.0,
    )


def simulate(folder: Path, index_dir: Path | None, particles: int, seed: int) -> None:
    """Write the stack, its STAR file and its truth."""
    rng = np.random.default_rng(seed)
    index = open_index(index_dir, device="cpu")
    names = chosen_structures(index)
    truth = draw_truth(names, particles, rng)
    p = draw_parameters(truth.junk, rng)
    simulator = index.simulator(names)
    images = np.empty((particles, BOX, BOX), np.float32)
    for first in range(0, particles, 512):
        some = slice(first, first + 512)
        shown = truth.class_number[some] - 1
        pixel = np.full(len(shown), PIXEL_ANGSTROM)
        images[some] = simulator.micrographs(shown, p[some], pixel, BOX, seed + first).micrographs.numpy()
    columns = truth_columns(
        [names[k] if k >= 0 else "junk" for k in truth.structure.tolist()],
        p.quaternion,
        p.shift_angstrom,
        defocus_um=p.defocus_um,
        fill=p.fill,
        snr=p.snr,
        mirror=np.zeros(particles, np.bool_),
    )
    micrographs = [f"micrograph{k // A_MICROGRAPH:04d}.mrc" for k in range(particles)]
    metadata = {**columns, "rlnClassNumber": truth.class_number, "rlnMicrographName": micrographs}
    star = folder / "particles.star"
    write_stack(
        folder / "particles.mrcs", images, PIXEL_ANGSTROM, star=star, metadata=metadata, optics=OPTICS
    )
    known = {name: getattr(truth, name) for name in ("structure", "class_number", "junk")}
    np.savez(folder / "truth.npz", names=names, **known)


def bare_rate(index: SearchIndex, source: ParticleSource) -> tuple[float, float]:
    """Return particles a second, and a second of processor time, of the network alone.

    It embeds as many copies of the first images as the search does.
    """
    (alike,) = read_chunk(source, range(min(256, source.count)), BatchSettings()).alike
    classes = [
        ClassRange(k, c.dmax_min_angstrom, c.dmax_max_angstrom, c.pixel_size_angstrom)
        for k, c in enumerate(index.classes)
    ]
    trials = samplings(classes, min(alike.images.shape[1:]), alike.pixel_size_angstrom)
    centre = torch.zeros(len(alike.images), 2)
    framed = [frame(alike.images, s.scale, index.classes[s.size_class].box_px, centre).images for s in trials]
    copies = torch.cat(framed * COPIES)
    index.embed(copies)
    start, busy = time.perf_counter(), time.process_time()
    index.embed(copies)
    n = len(alike.images)
    return n / (time.perf_counter() - start), n / (time.process_time() - busy)


def print_particles(index: SearchIndex, report: BatchReport, truth: Truth) -> None:
    """Print how often the right group comes first, in each class and over all, and how junk fares."""
    rows = pq.read_table(report.output, columns=["group", "in_database_probability"])
    group = np.array(rows.column("group").to_pylist())
    known = np.array(rows.column("in_database_probability").to_pylist(), float)
    of = {member: g.id for g in index.groups for member in g.members}
    right = np.array([of[truth.names[k]] if k >= 0 else "" for k in truth.structure.tolist()])
    real = truth.structure >= 0
    print(f"particles: right group first in {(group == right)[real].mean():.3f} of {real.sum():,}")
    print(f"in the database: mean {known[real].mean():.3f} of particles, {known[~real].mean():.3f} of junk")


def print_sets(index: SearchIndex, report: BatchReport, truth: Truth) -> None:
    """Print what each set says, and the place of its right group."""
    of = {member: g.id for g in index.groups for member in g.members}
    for answer in report.sets:
        name = truth.names[int(answer.set) - 1]
        places = [k for k, hit in enumerate(answer.hits, start=1) if hit.group == of[name]]
        first = answer.hits[0]
        print(
            f"class {answer.set:>2}, {name}: place {places[0] if places else '-'} in {answer.images} images "
            f"({answer.matched} matched); first {first.representative} {first.probability:.3f}, none {answer.none:.3f}, "
            f"speaking {answer.speaking}, to settle {answer.images_to_settle}"
        )


def print_mixture(index: SearchIndex, report: BatchReport, truth: Truth) -> None:
    """Print fitted fractions beside the true ones."""
    of = {member: g.id for g in index.groups for member in g.members}
    true = {"no particle": float((truth.junk == NOISE).mean()), "none of these": 0.0}
    true[OFF_CENTRE] = float((truth.junk == OFF_CENTRE).mean())
    for k, name in enumerate(truth.names):
        true[of[name]] = true.get(of[name], 0.0) + float((truth.structure == k).mean())
    for part in report.mixture:
        print(
            f"fraction of {part.shows}: {part.fraction:.3f} ({part.low:.3f} to {part.high:.3f}), "
            f"true {true.pop(part.group or part.shows, 0.0):.3f}"
        )
    print(f"fractions not found: {', '.join(f'{g} {f:.3f}' for g, f in true.items()) or 'none'}")


def main() -> None:
    """Simulate, search, compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--particles", type=int, default=20_000)
    parser.add_argument("--index", type=Path, default=None)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--match-per-set", type=int, default=30)
    parser.add_argument("--no-sets", action="store_true", help="only the particles")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    if not (options.folder / "truth.npz").exists():
        work = (options.folder, options.index, options.particles, options.seed)
        process = multiprocessing.get_context("spawn").Process(target=simulate, args=work)
        process.start()  # apart, so that its memory is not ours
        process.join()
    with np.load(options.folder / "truth.npz") as kept:
        truth = Truth(kept["structure"], kept["class_number"], kept["junk"], tuple(kept["names"].tolist()))
    index = open_index(options.index, device=options.device)
    source = open_particles(str(options.folder / "particles.star"))
    settings = BatchSettings(
        rerank=0,
        by=None if options.no_sets else "rlnClassNumber",
        match_per_set=options.match_per_set,
        mixture=not options.no_sets,
    )
    before = bare_rate(index, source)
    times: dict[str, list[tuple[float, float]]] = {}
    start = time.perf_counter()

    def told(what: str, done: int, of: int) -> None:
        times.setdefault(what, []).append((time.perf_counter(), time.process_time()))

    report = run_batch(index, source, options.folder / "hits.parquet", settings, restart=True, progress=told)
    total = time.perf_counter() - start
    bare, busy_bare = np.mean([before, bare_rate(index, source)], axis=0)
    (first, busy_first), (last, busy_last) = times["particles"][0], times["particles"][-1]
    seconds, rate = last - first, source.count / (last - first)
    busy_rate = source.count / (busy_last - busy_first)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{source.count:,} particles in {seconds:.1f} s: {rate:.1f}/s, contrast {report.stack.contrast}")
    print(
        f"network alone {bare:.1f} particles/s; ratio {rate / bare:.2f}, of processor time {busy_rate / busy_bare:.2f}"
    )
    print(f"all with {len(report.sets)} sets and the mixture: {total:.1f} s; peak memory {memory:.0f} MB")
    print_particles(index, report, truth)
    print_sets(index, report, truth)
    print_mixture(index, report, truth)


if __name__ == "__main__":
    main()
