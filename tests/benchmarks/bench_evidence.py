"""How many images of one unknown it takes: accuracy of the answer for a set against the number of its images.

    python -m tests.benchmarks.bench_evidence FOLDER [--structures 10] [--images 100] [--snr 0.1,0.05]
        [--known-ctf] [--part 1/2] [--correlation 0.2] [--index DIR]

Simulates images of some representatives, negative stain with every nuisance, half of them with a transfer function that
nobody tells, or all with one that is told (``--known-ctf``), and matches each once, against the shortlist that the network
makes of all images of its structure, as `emsearch batch --by` does. They are then cut into sets of 1, 3, 10, 30 and 100,
and of all, no image twice at a size, and each set is answered. What the matched images say stays in FOLDER, so that a
run that was stopped goes on, and runs of ``--part 1/2`` and ``--part 2/2`` share the work: the table is of all that lies
there. Writes evidence-*.csv, a row a noise level and size, which docs/figures/evidence.py draws.
"""

import argparse
import csv
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emsearch.batch.chunks import Alike
from emsearch.batch.matched_sample import shortlist_of
from emsearch.batch.set_evidence import witness
from emsearch.evidence.posterior import CORRELATION, set_posterior
from emsearch.imaging.parameters import ImageParameters, ParameterRanges
from emsearch.particles.ctf_correction import correct_ctf
from emsearch.particles.optics import Optics
from emsearch.search.engine import SearchIndex, open_index
from emsearch.search.proposal import propose_together

COUNTS = (1, 3, 10, 30, 100)
SURE = 0.95
PIXEL_ANGSTROM, BOX = 5.0, 96
DMAX_ANGSTROM = (100.0, 320.0)  # of structures that fill between a fifth and two thirds of the box
DEFOCUS_UM, VOLTAGE_KV, CS_MM, AMPLITUDE_CONTRAST = (0.4, 1.2), 120.0, 2.7, 0.15  # where they are told
LEAST_PROBABILITY = 1e-9  # of a group that is not on the shortlist


@dataclass(frozen=True, slots=True)
class Told:
    """What n matched images of a structure say: log-shares (n, g + 1), and its place on the shortlist, g if not there."""

    said: NDArray[np.float64]
    right: int


@dataclass(frozen=True, slots=True)
class Row:
    """What came of all sets of one size, places among groups; ``wrong_sure`` are surer than `SURE` of another or of none."""

    snr: float
    images: int
    sets: int
    first: int
    in_three: int
    mean_probability: float
    mean_log_probability: float
    wrong_sure: int


def chosen_structures(index: SearchIndex, count: int) -> list[str]:
    """Return representatives evenly spread over the range of Dmax."""
    low, high = DMAX_ANGSTROM
    fitting = sorted(
        (g.dmax_angstrom, g.representative) for g in index.groups if low < g.dmax_angstrom < high
    )
    return [fitting[k][1] for k in np.linspace(0, len(fitting) - 1, count).round().astype(int)]


def draw_parameters(images: int, snr: float, known_ctf: bool, rng: np.random.Generator) -> ImageParameters:
    """Draw views, stain, optics and noise."""
    p = ParameterRanges(stained_share=1.0).sample(rng, images, np.full(images, PIXEL_ANGSTROM * BOX))
    if known_ctf:
        p = p.with_values(
            defocus_um=rng.uniform(*DEFOCUS_UM, images),
            voltage_kv=VOLTAGE_KV,
            cs_mm=CS_MM,
            amplitude_contrast=AMPLITUDE_CONTRAST,
            phase_flipped=False,
        )
    return p.with_values(snr=snr)


def draw_images(index: SearchIndex, name: str, p: ImageParameters, known_ctf: bool, seed: int) -> Alike:
    """Draw bright-particle images of one structure, their phases flipped where the transfer function is told."""
    n = len(p)
    pixel, shown = np.full(n, PIXEL_ANGSTROM), np.zeros(n, np.int64)
    images = index.simulator([name]).micrographs(shown, p, pixel, BOX, seed).micrographs
    if not known_ctf:
        return Alike(np.arange(n), PIXEL_ANGSTROM, images, Optics.unknown(n), "none")
    told = (p.voltage_kv, p.cs_mm, p.amplitude_contrast, p.defocus_um, p.defocus_um, np.zeros(n), np.zeros(n))
    optics = Optics(*(np.asarray(values, np.float64) for values in told))
    images = correct_ctf(images, PIXEL_ANGSTROM, optics, "phase-flip")
    return Alike(np.arange(n), PIXEL_ANGSTROM, images, optics, "phase-flip")


def match(index: SearchIndex, name: str, alike: Alike) -> Told:
    """Match images of one structure against the shortlist of all of them."""
    proposals = propose_together(index, alike.images, PIXEL_ANGSTROM)
    shortlist = shortlist_of(index, proposals.share.mean(0))
    said = [
        witness(index, alike.images[k], proposals, k, shortlist, alike.transfer(k)).said
        for k in alike.place.tolist()
    ]
    groups = [index.groups[k].representative for k in shortlist.tolist()]
    return Told(np.stack(said), groups.index(name) if name in groups else len(groups))


def kept(path: Path) -> Told:
    """Read what `match` found earlier."""
    with np.load(path) as arrays:
        return Told(arrays["said"], int(arrays["right"]))


def row_of(everything: list[Told], snr: float, count: int, correlation: float) -> Row:
    """Answer all sets of a size."""
    places, log_probability, wrong = [], [], 0
    for told in everything:
        for first in range(0, len(told.said) - count + 1, count):
            answer = set_posterior(told.said[first : first + count], correlation=correlation)
            chance = np.append(answer.probability, answer.none)
            own = chance[told.right] if told.right < len(answer.probability) else 0.0
            places.append(1 + int((answer.probability > own).sum()))
            log_probability.append(np.log(max(own, LEAST_PROBABILITY)))
            wrong += chance.max() > max(own, SURE)
    place, logs = np.array(places), np.array(log_probability)
    return Row(
        snr=snr,
        images=count,
        sets=len(place),
        first=int((place == 1).sum()),
        in_three=int((place <= 3).sum()),
        mean_probability=round(float(np.exp(logs).mean()), 3),
        mean_log_probability=round(float(logs.mean()), 2),
        wrong_sure=int(wrong),
    )


def write(rows: list[Row], path: Path) -> None:
    """Write the rows, and print them as a table."""
    names = list(asdict(rows[0]))
    with path.open("w", newline="") as file:
        table = csv.DictWriter(file, names)
        table.writeheader()
        table.writerows(map(asdict, rows))
    print(f"| {' | '.join(names)} |")
    print("|---" * len(names) + "|")
    for row in rows:
        print(f"| {' | '.join(f'{value:g}' for value in asdict(row).values())} |")


def main() -> None:
    """Simulate, match, cut into sets, count."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--structures", type=int, default=10)
    parser.add_argument("--images", type=int, default=max(COUNTS), help="of each structure")
    parser.add_argument("--snr", default="0.1,0.05")
    parser.add_argument("--known-ctf", action="store_true", help="transfer functions that are told")
    parser.add_argument(
        "--part", default="1/1", help="of the structures: 1/2 or 2/2 for two runs side by side"
    )
    parser.add_argument("--correlation", type=float, default=CORRELATION, help="as set_posterior takes it")
    parser.add_argument("--index", type=Path, default=None)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    part, parts = map(int, options.part.split("/"))
    index = open_index(options.index)
    condition = "known-ctf" if options.known_ctf else "plain"
    folder = options.folder / index.generation.name  # what images say is that of one index
    folder.mkdir(parents=True, exist_ok=True)
    counts = [*(c for c in COUNTS if c < options.images), options.images]
    rows = []
    for snr in map(float, options.snr.split(",")):
        everything = []
        for number, name in enumerate(chosen_structures(index, options.structures)):
            path = folder / f"{condition}-{snr:g}-{options.seed}-{number:02d}-{name}-{options.images}.npz"
            if not path.exists() and number % parts == part - 1:
                seed = options.seed + number
                p = draw_parameters(options.images, snr, options.known_ctf, np.random.default_rng(seed))
                told = match(index, name, draw_images(index, name, p, options.known_ctf, seed))
                unfinished = path.with_suffix(f".{part}.npz")
                np.savez(unfinished, said=told.said, right=told.right)
                unfinished.replace(path)
                print(f"matched {options.images} images of {name}, SNR {snr:g}", flush=True)
            if path.exists():
                everything.append(kept(path))
        rows += [row_of(everything, snr, c, options.correlation) for c in counts]
    write(rows, options.folder / f"evidence-{condition}.csv")


if __name__ == "__main__":
    main()
