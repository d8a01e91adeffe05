"""`emsearch fit` end to end: a file with atoms, a density map, and an image whose defocus is told a little wrong."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gemmi
import mrcfile
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from emsearch.hybrid_fit.distortion import superposed_rmsd
from emsearch.imaging.cloud import BeadCloud
from emsearch.imaging.parameters import clean_parameters
from emsearch.imaging.simulate import Simulator
from emsearch.imaging.stack_files import truth_columns, write_stack
from emsearch.structures.beads import BeadModel
from emsearch.structures.bending import bent
from emsearch.structures.elastic import normal_modes
from emsearch.structures.read import read_structure

Floats = NDArray[np.float64]

QUATERNION = np.array([[0.5, 0.5, 0.5, -0.5]])
PIXEL = 3.0
# Name, element, radius (A), phase (degrees) and rise (A) of the atoms of a residue of an alpha helix.
HELIX = (
    ("N", "N", 1.55, -27.6, -0.87),
    ("CA", "C", 2.29, 0.0, 0.0),
    ("C", "C", 1.65, 26.7, 1.14),
    ("O", "O", 1.99, 22.0, 2.36),
    ("CB", "C", 3.30, -17.6, -0.6),
)
BOND = 1.75


@pytest.fixture(autouse=True)
def opened(pooling_index: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the program open an index of lobed structures."""
    monkeypatch.setattr("emsearch.search.engine.open_index", lambda path, *, device: pooling_index)


def helix(chain: gemmi.Chain, length: int, origin: Floats, turn: Floats) -> None:
    """Add a helix of alanine to a chain; every tenth residue has the number of the one before, and an insertion code."""
    number = (chain[-1].seqid.num or 0) + 5 if len(chain) else 1
    for k in range(length):
        residue = gemmi.Residue()
        residue.name = "ALA"
        inserted = k % 10 == 9
        number += not inserted
        residue.seqid = gemmi.SeqId(f"{number}{'A' if inserted else ''}")
        for name, element, radius, phase, rise in HELIX:
            angle = np.radians(100.0 * k + phase)
            place = np.array([radius * np.cos(angle), radius * np.sin(angle), 1.5 * k + rise])
            atom = gemmi.Atom()
            atom.name, atom.element = name, gemmi.Element(element)
            atom.pos = gemmi.Position(*(turn @ place + origin))
            residue.add_atom(atom)
        chain.add_residue(residue)


@pytest.fixture(scope="module")
def atoms_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a bundle of four helices and an arm of three, in chains H and L, as mmCIF."""
    model = gemmi.Model(1)
    straight, across = np.eye(3), np.array([[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]])
    for name, count, length, turn, corner in (("H", 4, 50, straight, (0, 0)), ("L", 3, 40, across, (12, 55))):
        chain = gemmi.Chain(name)
        for k in range(count):
            aside = 9.0 * np.array([k % 2, k // 2])
            if name == "H":
                origin = np.array([aside[0], aside[1], 0.0])
            else:
                origin = np.array([corner[0], aside[1], corner[1] + aside[0]])
            helix(chain, length, origin, turn)
        model.add_chain(chain)
    structure = gemmi.Structure()
    structure.add_model(model)
    structure.setup_entities()
    path = tmp_path_factory.mktemp("atoms") / "made.cif"
    structure.make_mmcif_document().write_file(str(path))
    return path


def write_image(
    path: Path, model: BeadModel, *, star: Path | None = None, told_um: float = 0.0, **values: Any
) -> None:
    """Write an image of a model, and a table that tells a defocus."""
    parameters = clean_parameters(QUATERNION).with_values(**values)
    simulator = Simulator(BeadCloud.from_models([model]))
    shot = simulator.micrographs(np.zeros(1, np.int64), parameters, np.array([PIXEL]), 64, 3)
    told = truth_columns(
        ["made"],
        QUATERNION,
        np.zeros((1, 2)),
        defocus_um=np.array([told_um]),
        fill=np.ones(1),
        snr=np.ones(1),
        mirror=np.zeros(1, np.bool_),
    )
    optics = {"rlnVoltage": 300.0, "rlnSphericalAberration": 2.7, "rlnAmplitudeContrast": 0.1}
    write_stack(path, shot.micrographs.numpy(), PIXEL, star=star, metadata=told, optics=optics)


def places(path: Path) -> Floats:
    (model,) = gemmi.read_structure(str(path))
    return np.array([atom.pos.tolist() for chain in model for residue in chain for atom in residue])


def labels(path: Path) -> list[tuple[str, str, str, str]]:
    (model,) = gemmi.read_structure(str(path))
    return [(c.name, str(r.seqid), r.name, a.name) for c in model for r in c for a in r]


def hands(points: Floats) -> Floats:
    """Return the signs of the hands of alanines whose atoms follow each other as in `HELIX`."""
    n, ca, c, _, cb = points.reshape(-1, len(HELIX), 3).transpose(1, 0, 2)
    return np.asarray(np.sign(np.einsum("ni,ni->n", np.cross(n - ca, c - ca), cb - ca)))


def test_all_atoms_follow_the_bend(run: Callable[..., Any], atoms_file: Path, tmp_path: Path) -> None:
    model = read_structure(atoms_file).beads
    truth = bent(model, 5.0, 2, normal_modes(model, 3))
    write_image(tmp_path / "image.mrcs", truth, snr=30.0)
    out = tmp_path / "fitted"
    arguments = ("--modes", "3", "--contrast", "bright", "-f", "json")
    outcome = run("fit", str(tmp_path / "image.mrcs"), str(atoms_file), "-o", str(out), *arguments)
    assert outcome.code == 0, outcome.err
    assert json.loads(outcome.out)["verdict"] == "bent"

    beads = places(out / "bent.cif")
    assert superposed_rmsd(truth.centroid_angstrom.astype(np.float64), beads) < 2.5
    before, after = places(atoms_file), places(out / "bent-atoms.cif")
    assert labels(out / "bent-atoms.cif") == labels(atoms_file)
    centroids = after.reshape(-1, len(HELIX), 3).mean(1)
    assert np.sqrt(np.mean(np.sum((centroids - beads) ** 2, axis=1))) < 0.3
    assert superposed_rmsd(before, after) == pytest.approx(
        superposed_rmsd(places(out / "input.cif"), beads), abs=0.3
    )
    bonds = cKDTree(before).query_pairs(BOND, output_type="ndarray")
    assert len(bonds) > len(before) * 0.9
    one, other = (np.linalg.norm(p[bonds[:, 0]] - p[bonds[:, 1]], axis=1) for p in (before, after))
    assert np.abs(other - one).max() < 0.2 and np.abs(other - one).mean() < 0.02
    np.testing.assert_array_equal(hands(after), hands(before))


def test_a_map_bends_without_atoms(
    run: Callable[..., Any], blobs: dict[str, BeadModel], tmp_path: Path
) -> None:
    voxel = 5.0
    grid = voxel * (np.indices((32, 32, 32)).reshape(3, -1).T - 16)
    distance, _ = cKDTree(blobs["blob1"].centroid_angstrom).query(grid)
    density = np.exp(-0.5 * (distance / 4) ** 2).reshape(32, 32, 32).astype(np.float32)
    path = tmp_path / "made.mrc"
    with mrcfile.new(path) as file:
        file.set_data(density.transpose(2, 1, 0).copy())
        file.voxel_size = voxel
    model = read_structure(path).beads
    write_image(tmp_path / "image.mrcs", model, snr=10.0)
    out = tmp_path / "fitted"
    outcome = run(
        "fit", str(tmp_path / "image.mrcs"), str(path), "-o", str(out), "--modes", "3", "--contrast", "bright"
    )
    assert outcome.code == 0, outcome.err
    assert "is a density map, which has no atoms" in outcome.err and not (out / "bent-atoms.cif").exists()
    assert len(places(out / "bent.cif")) == len(model)
    assert json.loads((out / "fit.json").read_text())["verdict"] == "not bent"


def test_a_defocus_told_wrong_is_corrected(
    run: Callable[..., Any], blobs: dict[str, BeadModel], tmp_path: Path
) -> None:
    star = tmp_path / "image.star"
    optics = {"voltage_kv": 300.0, "cs_mm": 2.7, "amplitude_contrast": 0.1}
    write_image(
        tmp_path / "image.mrcs",
        blobs["blob1"],
        star=star,
        told_um=1.6,
        snr=20.0,
        stained=False,
        defocus_um=1.5,
        resolution_angstrom=10.0,
        **optics,
    )
    outcome = run(
        *("fit", str(star), "blob1", "-o", str(tmp_path / "fitted"), "--modes", "3"),
        *("--contrast", "bright", "-f", "json"),
    )
    assert outcome.code == 0, outcome.err
    change = json.loads(outcome.out)["after"]["defocus_change_um"]
    assert 0 < change["uncertainty"] < 0.05
    assert change["value"] == pytest.approx(-0.1, abs=3 * change["uncertainty"])
