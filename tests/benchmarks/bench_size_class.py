"""How often the network alone names the right group of all, by how the size class of a picture is judged.

    python tests/benchmarks/bench_size_class.py [--images 1600] [--fitted 6000] [--index DIR]

Draws images of all groups in boxes of every size, with every nuisance, and prints for ranges of SNR how often the right
group comes first, in the first 20 and in the first 150, and the mean logarithm of its share: with the rule before (the
cosine alone, tenfold), with the model unfitted, and fitted on other images.
"""

import argparse
from pathlib import Path

import numpy as np

from emsearch.evaluation.size_classes import boxed_images, fit_size_classes
from emsearch.search.engine import SearchIndex, open_index
from emsearch.search.proposal import propose_together
from emsearch.search.size_class import SizeClassModel

_LEVELS = ((5.0, 20.0), (1.0, 5.0), (0.3, 1.0), (0.05, 0.3))
_SEED, _SEED_OF_FIT = 12345, 1


def measure(index: SearchIndex, images: int) -> None:
    """Print a row a range of SNR."""
    snr, rank, share = [], [], []
    for some in boxed_images(index, images, _SEED):
        found = propose_together(index, some.images, some.pixel_size_angstrom).share
        own = found[np.arange(len(found)), some.group]
        snr.append(some.snr)
        rank.append(np.where(own > 0, (found > own[:, None]).sum(axis=1) + 1, len(index.groups) + 1))
        share.append(np.log(np.maximum(own, 1e-6)))
    level, place, log_share = (np.concatenate(part) for part in (snr, rank, share))
    for low, high in _LEVELS:
        seen = (level >= low) & (level < high)
        held = " | ".join(f"{np.mean(place[seen] <= most):.3f}" for most in (1, 20, 150))
        print(f"| {low:g}-{high:g} | {seen.sum()} | {held} | {log_share[seen].mean():.2f} |", flush=True)


def main() -> None:
    """Measure the three ways on the same images."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=1600)
    parser.add_argument("--fitted", type=int, default=6000)
    parser.add_argument("--index", type=Path, default=None)
    options = parser.parse_args()
    index = open_index(options.index)
    ways = {
        "cosine alone": SizeClassModel(room=0.0),
        "unfitted": SizeClassModel(),
        "fitted": fit_size_classes(index, options.fitted, _SEED_OF_FIT, print),
    }
    for name, model in ways.items():
        print(f"\n{name}: SNR | images | first | in 20 | in 150 | mean log share")
        measure(index.with_size_class_model(model), options.images)


if __name__ == "__main__":
    main()
