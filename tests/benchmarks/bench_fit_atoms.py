"""Do all atoms stay a molecule when they are carried along a bend?

    python tests/benchmarks/bench_fit_atoms.py FILE.cif ... [--rmsd 6] [--snr 10]

Each structure file is bent at random along its ten softest modes, drawn and fitted unbent, and its atoms are carried along
the bend that was found. Prints the RMSD of the truth from the input and from the fit, by how much bonds and the distances
over two bonds changed, how many C-alpha atoms kept their hand, and how far residues lie from the beads that carried them.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from emsearch.hybrid_fit.bending_to_fit import bend_to_fit
from emsearch.hybrid_fit.distortion import superposed_rmsd
from emsearch.imaging.cloud import BeadCloud
from emsearch.imaging.normalise import normalise
from emsearch.imaging.parameters import clean_parameters
from emsearch.imaging.simulate import Simulator
from emsearch.search.target import Target
from emsearch.structures.atoms import Atoms, carried_along
from emsearch.structures.beads import BeadModel
from emsearch.structures.bending import bent
from emsearch.structures.read import read_atoms, read_structure

Floats = NDArray[np.float64]

QUATERNION = np.array([[0.6, 0.3, 0.7, -0.2]]) / np.sqrt(0.98)
BOX, FILLED = 64, 0.7  # px, and how much of them the molecule takes
BOND, OVER_TWO = 1.95, 2.6  # A, at most


def target_of(model: BeadModel, extent_angstrom: float, snr: float) -> Target:
    """Return an image of a model in stain."""
    pixel = extent_angstrom / (FILLED * BOX)
    parameters = clean_parameters(QUATERNION).with_values(snr=snr, fill=0.85)
    simulator = Simulator(BeadCloud.from_models([model]))
    shot = simulator.micrographs(np.zeros(1, np.int64), parameters, np.array([pixel]), BOX, 1)
    return Target.measured(normalise(shot.micrographs, torch.tensor([BOX / 2]))[0], BOX / 2, pixel)


def changes(before: Floats, after: Floats, reach: float) -> Floats:
    """Return by how much the distances of atoms nearer than ``reach`` change."""
    pairs = cKDTree(before).query_pairs(reach, output_type="ndarray")
    one, other = (np.linalg.norm(p[pairs[:, 0]] - p[pairs[:, 1]], axis=1) for p in (before, after))
    return np.asarray(np.abs(other - one))


def residues_of(atoms: Atoms) -> dict[tuple[str, str], dict[str, int]]:
    """Return the rows of the atoms of each residue, by name."""
    found: dict[tuple[str, str], dict[str, int]] = {}
    for row, (chain, number, name) in enumerate(zip(atoms.chain, atoms.number, atoms.name, strict=True)):
        found.setdefault((str(chain), str(number)), {})[str(name)] = row
    return found


def hands(points: Floats, rows: NDArray[np.int64]) -> Floats:
    """Return the signs of the hands of N, CA, C and CB, rows (n, 4)."""
    n, ca, c, cb = points[rows].transpose(1, 0, 2)
    return np.asarray(np.sign(np.einsum("ni,ni->n", np.cross(n - ca, c - ca), cb - ca)))


def main() -> None:
    """Bend, fit, carry, and print a row a file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--rmsd", type=float, default=6.0)
    parser.add_argument("--snr", type=float, default=10.0)
    options = parser.parse_args()
    print(
        "file | atoms | to the input | to the fit | bonds, mean | 99.9 % | most | over two | hands | to beads"
    )
    for path in options.files:
        structure, atoms = read_structure(path), read_atoms(path)
        truth = bent(structure.beads, options.rmsd, 3)
        target = target_of(truth, structure.features.dmax_angstrom, options.snr)
        fit = bend_to_fit(target, structure.beads)
        units = fit.bent.state.modes
        rotation = np.tensordot(units, fit.flexible.rotation, axes=1)
        beads = fit.flexible.bent(units)
        carried = carried_along(atoms, fit.flexible.points, beads, rotation).position_angstrom
        own = residues_of(atoms)
        four = ("N", "CA", "C", "CB")
        rows = np.array([[r[name] for name in four] for r in own.values() if set(four) <= set(r)])
        kept = hands(atoms.position_angstrom, rows) == hands(carried, rows)
        middle = np.array([carried[list(r.values())].mean(0) for r in own.values()])
        to_beads, _ = cKDTree(beads).query(middle)
        bonds = changes(atoms.position_angstrom, carried, BOND)
        points = truth.centroid_angstrom.astype(np.float64)
        figures = [
            *(superposed_rmsd(points, p) for p in (fit.flexible.points, beads)),
            *(bonds.mean(), np.quantile(bonds, 0.999), bonds.max()),
            changes(atoms.position_angstrom, carried, OVER_TWO).mean(),
        ]
        print(
            f"{path.name} | {len(atoms)} | {' | '.join(f'{f:.3f}' for f in figures)} | "
            f"{kept.sum()} of {len(kept)} | {np.sqrt(np.mean(to_beads**2)):.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
