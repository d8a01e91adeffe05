"""How well mass, size and stain are read off images of molecules that the head was not fitted on.

    python tests/benchmarks/bench_quantities.py [--images 20000] [--index DIR]

Draws images of all groups with every nuisance, fits a head without a fifth of the groups (a fifth of the others sets its
intervals), and prints for that fifth and for the rest, by noise: the median error, how often the interval holds the truth,
and what the median of all molecules would be off. The network itself was trained on all groups.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from emsearch.evaluation.quantities import QuantityImages, draw_quantity_images, held_out_groups
from emsearch.network.quantities import QUANTITIES, QuantityHead, fit_head
from emsearch.search.engine import open_index

LEVELS = ((5.0, np.inf), (1.0, 5.0), (0.3, 1.0), (0.0, 0.3))


def relative(off: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return errors (n, 5) as shares of the truth, but for the fill."""
    return np.column_stack([np.expm1(np.abs(off[:, :4])), np.abs(off[:, 4])])


def print_errors(head: QuantityHead, drawn: QuantityImages, which: NDArray[np.bool_], name: str) -> None:
    """Print a row a noise level of what the head is off on some images."""
    with torch.inference_mode():
        mean, half = (of_all.double().numpy() for of_all in head(drawn.features))
    off = drawn.target - mean
    logs = np.column_stack([np.log(drawn.truth[:, :4]), drawn.truth[:, 4]])
    for low, high in LEVELS:
        some = which & (drawn.parameters.snr >= low) & (drawn.parameters.snr < high)
        error = np.median(relative(off[some]), axis=0)
        held = (np.abs(off[some]) <= half[some]).mean(0)
        guess = np.median(relative(logs[some] - np.median(logs, axis=0)), axis=0)
        cells = [f"{e:.2f} / {h:.2f} / {g:.2f}" for e, h, g in zip(error, held, guess, strict=True)]
        print(f"| {name} | {low:g} to {high:g} | {some.sum():,} | {' | '.join(cells)} |")


def main() -> None:
    """Draw, fit, measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--index", type=Path, default=None)
    parser.add_argument("--seed", type=int, default=5)
    options = parser.parse_args()
    index = open_index(options.index)
    drawn = draw_quantity_images(index, range(len(index.groups)), options.images, options.seed)
    unseen = np.isin(drawn.group, held_out_groups(index, options.seed + 1))
    width = np.isin(drawn.group, held_out_groups(index, options.seed)) & ~unseen
    head = fit_head(drawn.features[torch.from_numpy(~unseen)], drawn.target[~unseen], width[~unseen])
    print(f"| groups | SNR | images | {' | '.join(QUANTITIES)} |")
    print("|---|---|---|---|---|---|---|---|")
    print_errors(head, drawn, unseen, "not seen")
    print_errors(head, drawn, ~unseen & ~width, "fitted")


if __name__ == "__main__":
    main()
