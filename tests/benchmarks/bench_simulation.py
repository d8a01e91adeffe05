"""How many images a second are simulated, beside a peer on the same cores in the same minute.

    python tests/benchmarks/bench_simulation.py [--threads 1] [--images 1024]

Prints medians over rounds, and of each round's own ratio: ours and torch-fourier-slice (where it is installed) take
turns, so that a machine whose speed drifts drifts for both. Times are wall-clock; run it on a quiet machine.
"""

import argparse
import importlib
import importlib.util
import statistics
import time
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import torch
from numpy.typing import NDArray

from emsearch.imaging.cloud import BeadCloud
from emsearch.imaging.finish import finish
from emsearch.imaging.normalise import normalise
from emsearch.imaging.parameters import ImageParameters, ParameterRanges, clean_parameters
from emsearch.imaging.rotations import random_quaternions
from emsearch.imaging.simulate import Simulator
from emsearch.shapes.rotations import quaternions_to_matrices
from emsearch.structures.beads import BeadModel

BEADS, STRUCTURES = 2844, 20  # the median structure
PIXEL_SIZE_ANGSTROM, BOX = 4.0, 64
PEER_AT_ONCE = 64


def ball(rng: np.random.Generator) -> BeadModel:
    """Return residues spread over a ball of 60 A radius."""
    position = rng.standard_normal((BEADS, 3))
    position *= 60 * rng.random((BEADS, 1)) ** (1 / 3) / np.linalg.norm(position, axis=1, keepdims=True)
    one = np.ones(BEADS, np.float32)
    return BeadModel(
        position.astype(np.float32), 110 * one, 133 * one, 1.8 * one, 40 * one, rng.random(BEADS) < 0.1
    )


def our_projections(
    simulator: Simulator, structure: NDArray[Any], p: ImageParameters
) -> Callable[[], object]:
    """Return a draw of partially filled, blurred projections."""
    pixel = np.full(len(p), PIXEL_SIZE_ANGSTROM)
    return lambda: simulator.projections(structure, p, pixel, BOX)


def our_noise(projections: torch.Tensor, p: ImageParameters) -> Callable[[], object]:
    """Return a draw of noise, optics where there are any, and the normalisation, 128 images at a time."""
    pixel, radius = torch.full((128,), PIXEL_SIZE_ANGSTROM), torch.full((128,), 62.0)
    aperture = torch.full((128,), BOX / 2)
    generator = torch.Generator().manual_seed(0)

    def draw() -> None:
        for first in range(0, len(p), 128):
            some = slice(first, first + 128)
            white = torch.randn(128, BOX, BOX, generator=generator)
            normalise(finish(projections[some], p[some], pixel, radius, white), aperture)

    return draw


def peer_projections(rotations: NDArray[Any], pad_factor: float) -> Callable[[], object] | None:
    """Return torch-fourier-slice's draw of projections of a 64-voxel volume, or None where it is not installed."""
    if importlib.util.find_spec("torch_fourier_slice") is None:
        return None
    peer = importlib.import_module("torch_fourier_slice")
    volume, matrices = torch.randn(BOX, BOX, BOX), torch.from_numpy(rotations).float()

    def draw() -> None:
        for first in range(0, len(matrices), PEER_AT_ONCE):
            peer.project_3d_to_2d(volume, matrices[first : first + PEER_AT_ONCE], pad_factor=pad_factor)

    return draw


def measure(draws: dict[str, Callable[[], object]], images: int, rounds: int) -> dict[str, list[float]]:
    """Return images a second of each draw in each round; the draws take turns."""
    rates: dict[str, list[float]] = {name: [] for name in draws}
    for draw in draws.values():
        draw()
    for _ in range(rounds):
        for name, draw in draws.items():
            began = time.perf_counter()
            draw()
            rates[name].append(images / (time.perf_counter() - began))
    return rates


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Images simulated a second.")
    parser.add_argument("--threads", type=int, default=numba.get_num_threads())
    parser.add_argument("--images", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    numba.set_num_threads(options.threads)
    n = -(-options.images // 128) * 128

    rng = np.random.default_rng(0)
    simulator = Simulator(BeadCloud.from_models([ball(rng) for _ in range(STRUCTURES)]))
    structure, quaternion = rng.integers(0, STRUCTURES, n), random_quaternions(rng, n)
    partial = clean_parameters(quaternion, fill=0.6, resolution_angstrom=20.0)
    sampled = ParameterRanges().sample(rng, n, np.full(n, PIXEL_SIZE_ANGSTROM * BOX))
    project = our_projections(simulator, structure, partial)
    projections = simulator.projections(structure, partial, np.full(n, PIXEL_SIZE_ANGSTROM), BOX)
    draws: dict[str, Callable[[], object]] = {
        "projection, partial fill, blurred": project,
        "white noise, normalised": our_noise(projections, partial.with_values(snr=1.0)),
        "sampled optics and noise, normalised": our_noise(projections, sampled),
    }
    matrices = quaternions_to_matrices(quaternion)
    for pad_factor in (2.0, 1.0):
        peer = peer_projections(matrices, pad_factor)
        if peer is not None:
            draws[f"torch-fourier-slice, pad {pad_factor:g}"] = peer
    rates = measure(draws, n, options.rounds)
    print(f"{BOX} px, {BEADS} beads, {n} images a round, {options.threads} thread(s)")
    ours = rates["projection, partial fill, blurred"]
    for name, values in rates.items():
        line = f"{name:38s} {statistics.median(values):10,.0f} images/s"
        if name.startswith("torch"):
            ratio = statistics.median(a / b for a, b in zip(ours, values, strict=True))
            line += f"   our projection is {ratio:.1f} times as fast"
        print(line)


if __name__ == "__main__":
    main()
