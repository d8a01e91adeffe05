"""How much of a known bend does one image give back, and how often is a bend seen that is not there?

    python tests/benchmarks/bench_fit.py [--images 1] [--snr 10,2] [--rmsd 0,3,5,8] [--prior 4] [--modes 10]

Structures of the index are bent at random along their softest modes (`emsearch.structures.bending.bent`; more modes than
are fitted with --true-modes), drawn in negative stain and fitted unbent. Prints, by SNR and RMSD of the bend: the RMSD to
the truth in the plane of the image, before and after, the same in space, the correlation with the image without noise,
before and after, and how often the bend was called warranted. "before" is the structure as it is, in its own best pose.

A symmetric structure is fitted in any of its equivalent poses: beads are then compared with those that stand in their
places. Where the pose found is none of these (the mirror image from behind, mostly) only correlations are counted.
"""

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from emsearch.evaluation.simulated import STAIN
from emsearch.hybrid_fit.bending_to_fit import FitSettings, HybridFit, bend_to_fit
from emsearch.hybrid_fit.distortion import superposed_rmsd
from emsearch.hybrid_fit.equivalent_poses import Equivalents
from emsearch.hybrid_fit.fitting import Fitted
from emsearch.imaging.cloud import BeadCloud
from emsearch.imaging.normalise import disc, normalise
from emsearch.imaging.simulate import Simulator
from emsearch.search.engine import SearchIndex, open_index
from emsearch.search.target import Target
from emsearch.shapes.rotations import quaternions_to_matrices
from emsearch.structures.bending import bent
from emsearch.structures.elastic import normal_modes

STRUCTURES = ("6uo9", "4ycz", "2xdf", "3sn6", "1b26")
"""Of 136 to 192 A: GABA(B) receptor, Y-complex hub, enzyme I, a receptor with its G protein, a hexamer."""

Floats = NDArray[np.float64]
Row = dict[str, Any]


def in_plane_rmsd(fixed: Floats, moving: Floats) -> float:
    """Return the RMSD of points (n, 2) after the best shift and turn in the plane."""
    a, b = fixed - fixed.mean(0), moving - moving.mean(0)
    z = np.sum(a[:, 0] * b[:, 0] + a[:, 1] * b[:, 1]) + 1j * np.sum(a[:, 1] * b[:, 0] - a[:, 0] * b[:, 1])
    turned = (b[:, 0] + 1j * b[:, 1]) * z / abs(z)
    return float(np.sqrt(np.mean(np.abs(a[:, 0] + 1j * a[:, 1] - turned) ** 2)))


def measured(
    found: HybridFit, fitted: Fitted, truth: Floats, turn: Floats, clean: torch.Tensor, alike: Equivalents
) -> Row:
    """Return how far a fit is from the truth: beads (n, 3) turned by (3, 3), drawn without noise."""
    own = fitted.state.turn
    shown, _ = found.problem.parts(fitted.state, fitted.amplitudes)
    inside = disc(len(clean), torch.tensor([found.problem.target.aperture_px]))[0] > 0
    row: Row = {"correlation": float(np.corrcoef(shown[inside].numpy(), clean[inside].numpy())[0, 1])}
    symmetry = alike.symmetry(turn.T @ own)
    if symmetry is not None:
        modes = fitted.state.modes
        points = found.flexible.softest(len(modes)).bent(modes)
        there = (truth @ turn.T)[symmetry.bead]
        row["in plane"] = in_plane_rmsd(there[:, :2], (points @ own.T)[:, :2])
        row["in space"] = superposed_rmsd(there, points)
    return row


def cases(index: SearchIndex, options: argparse.Namespace) -> Iterator[Row]:
    """Yield a row a fit."""
    settings = FitSettings(modes=options.modes, rmsd_angstrom=options.prior)
    box = index.classes[0].box_px
    names = [n for n in options.structures.split(",") if any(n in g.members for g in index.groups)]
    for number, name in enumerate(names):
        model = index.library.model(name)
        group = next(g for g in index.groups if name in g.members)
        pixel = next(c.pixel_size_angstrom for c in index.classes if c.name == group.size_class)
        modes, alike = normal_modes(model, options.true_modes), Equivalents(model)
        for k in range(options.images):
            seed = 1000 * options.seed + 100 * number + k
            for rmsd in map(float, options.rmsd.split(",")):
                truth = bent(model, rmsd, seed, modes) if rmsd else model
                drawn = STAIN.sample(np.random.default_rng((seed, int(rmsd))), 1, np.array([pixel * box]))
                simulator = Simulator(BeadCloud.from_models([truth]))
                for snr in [np.inf, *map(float, options.snr.split(","))]:
                    shot = simulator.micrographs(
                        np.zeros(1, np.int64), drawn.with_values(snr=snr), np.array([pixel]), box, seed
                    )
                    image = normalise(shot.micrographs, torch.tensor([box / 2]))[0]
                    if np.isinf(snr):
                        clean = image
                        continue
                    start = time.perf_counter()
                    found = bend_to_fit(Target.measured(image, box / 2, pixel), model, settings=settings)
                    seconds = time.perf_counter() - start
                    turn = quaternions_to_matrices(drawn.quaternion.astype(np.float64))[0]
                    points = truth.centroid_angstrom.astype(np.float64)
                    before = measured(found, found.rigid, points, turn, clean, alike)
                    after = measured(found, found.bent, points, turn, clean, alike)
                    units = found.bent.state.modes
                    yield {
                        "structure": name,
                        "snr": snr,
                        "rmsd": rmsd,
                        "seconds": seconds,
                        "pose ratio": found.pose_log_evidence_ratio,
                        "ratio": found.log_evidence_ratio,
                        "tried": [
                            (
                                f.log_evidence,
                                alike.symmetry(turn.T @ f.state.turn) is not None,
                                f.state.turn.tolist(),
                            )
                            for pair in found.tried
                            for f in pair
                        ],
                        "gain": found.bent.log_likelihood - found.rigid.log_likelihood,
                        "warranted": found.warranted,
                        "bent by": superposed_rmsd(found.flexible.points, found.flexible.bent(units)),
                        **{f"{what} before": value for what, value in before.items()},
                        **{f"{what} after": value for what, value in after.items()},
                    }


def summary(rows: list[Row]) -> str:
    """Return the means by SNR and RMSD as a table."""
    names = [
        *(
            f"{what} {when}"
            for what in ("in plane", "in space", "correlation")
            for when in ("before", "after")
        ),
        *("bent by", "warranted", "ratio", "seconds"),
    ]
    lines = [" | ".join(["snr", "rmsd", "n", "posed", *names])]
    for snr, rmsd in sorted({(r["snr"], r["rmsd"]) for r in rows}, key=lambda key: (-key[0], key[1])):
        own = [r for r in rows if (r["snr"], r["rmsd"]) == (snr, rmsd)]
        posed = [r for r in own if "in plane before" in r and "in plane after" in r]
        means = [np.mean([r[n] for r in (posed if n.startswith("in ") else own)] or [np.nan]) for n in names]
        lines.append(
            " | ".join(
                [f"{snr:g}", f"{rmsd:g}", str(len(own)), str(len(posed)), *(f"{m:.3f}" for m in means)]
            )
        )
    return "\n".join(lines)


def main() -> None:
    """Fit, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--structures", default=",".join(STRUCTURES))
    parser.add_argument("--images", type=int, default=1)
    parser.add_argument("--snr", default="10,2")
    parser.add_argument("--rmsd", default="0,3,5,8")
    parser.add_argument("--modes", type=int, default=10)
    parser.add_argument("--true-modes", type=int, default=10)
    parser.add_argument("--prior", type=float, default=FitSettings().rmsd_angstrom)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--index", type=Path, default=None)
    parser.add_argument("--out", type=Path, default=None, help="also write each row as a line of JSON")
    options = parser.parse_args()
    rows = []
    for row in cases(open_index(options.index, device="cpu"), options):
        rows.append(row)
        if options.out is not None:
            with options.out.open("a") as file:
                file.write(json.dumps(row, default=float) + "\n")
    print(summary(rows))


if __name__ == "__main__":
    main()
