from collections.abc import Callable

import gemmi
import numpy as np
import pytest

from emsearch.structures.polymer import Polymer, polymer_beads
from emsearch.structures.residues import residue_type

ALANINE = [("N", -1.2, 0.5, 0.0), ("CA", 0.0, 0.0, 0.0), ("C", 1.3, 0.7, 0.0), ("O", 1.4, 1.9, 0.2)]
ALANINE_FULL = [*ALANINE, ("CB", -0.1, -1.0, 1.1)]


def beads_of(text: str) -> Polymer:
    structure = gemmi.make_structure_from_block(gemmi.cif.read_string(text).sole_block())
    polymer = polymer_beads(structure)
    assert polymer is not None
    return polymer


def test_bead_of_one_full_residue(compose_mmcif: Callable[..., str]) -> None:
    atoms = [("A", "1", "ALA", 1, name, x, y, z) for name, x, y, z in ALANINE_FULL]
    polymer = beads_of(compose_mmcif(atoms))
    weight = np.array([gemmi.Element(atom[0][0]).weight for atom in ALANINE_FULL])
    place = np.array([atom[1:] for atom in ALANINE_FULL])
    centre = weight @ place / weight.sum()
    np.testing.assert_allclose(polymer.centroid_angstrom, [centre])
    square = weight @ np.sum((place - centre) ** 2, axis=1) / weight.sum()
    assert polymer.width_angstrom[0] == pytest.approx(np.sqrt(square / 3.0))
    assert polymer.mass_da[0] == pytest.approx(71.08, abs=0.01)
    assert not polymer.nucleic[0]
    assert polymer.heavy_atoms[0] == polymer.heavy_atoms_expected[0] == 5


def test_traces_and_partial_residues_weigh_as_whole_ones(compose_mmcif: Callable[..., str]) -> None:
    atoms = [("A", "1", "TRP", 1, "CA", 0.0, 0.0, 0.0)]
    atoms += [("A", "1", "TRP", 2, name, x + 4, y, z) for name, x, y, z in ALANINE]
    atoms += [("B", "2", "G", 1, "P", 0.0, 20.0, 0.0), ("B", "2", "DT", 2, "P", 0.0, 26.0, 0.0)]
    polymer = beads_of(compose_mmcif(atoms))
    kinds = [residue_type(name) for name in ("TRP", "TRP", "G", "DT")]
    expected = np.array([[k.mass_da, k.scattering_angstrom, k.width_angstrom] for k in kinds if k])
    np.testing.assert_allclose(polymer.mass_da, expected[:, 0])
    np.testing.assert_allclose(polymer.scattering_angstrom, expected[:, 1])
    np.testing.assert_allclose(polymer.width_angstrom, expected[:, 2])
    assert polymer.nucleic.tolist() == [False, False, True, True]
    assert polymer.heavy_atoms.sum() / polymer.heavy_atoms_expected.sum() == pytest.approx(7 / 71)


def test_untabulated_residues_are_told_apart_by_their_atoms(compose_mmcif: Callable[..., str]) -> None:
    sugar = ["P", "OP1", "OP2", "O5'", "C5'", "C4'", "C3'", "C1'", "N9"]
    atoms = [("A", "1", "Q7Q", 1, name, float(i), 0.0, 0.0) for i, name in enumerate(sugar)]
    atoms += [("A", "1", "Q8Q", 2, name, x, y + 9, z) for name, x, y, z in ALANINE_FULL]
    polymer = beads_of(compose_mmcif(atoms))
    assert polymer.nucleic.tolist() == [True, False]
    assert polymer.pieces[0].sequence == "XX"
    # the heavy atoms of alanine and the usual share of hydrogens
    assert polymer.mass_da[1] == pytest.approx(71.08, rel=0.02)


PDB = """\
ATOM      1  N   ALA A   1      -1.200   0.500   0.000  1.00 10.00           N
ATOM      2  CA AALA A   1       0.000   0.000   0.000  0.50 10.00           C
ATOM      3  CA BALA A   1       5.000   5.000   5.000  0.50 10.00           C
ATOM      4  C   ALA A   1       1.300   0.700   0.000  1.00 10.00           C
ATOM      5  H   ALA A   1      -1.900   1.500   0.000  1.00 10.00           H
ATOM      6  N   GLY A   2       2.300   0.100   0.000  1.00 10.00           N
ATOM      7  CA  GLY A   2       3.600   0.600   0.000  1.00 10.00           C
TER
HETATM    8 MG    MG A 101      30.000   0.000   0.000  1.00 10.00          MG
HETATM    9  O   HOH A 201      40.000   0.000   0.000  1.00 10.00           O
END
"""


def test_waters_ligands_hydrogens_and_second_locations_are_left_out() -> None:
    models = (
        f"MODEL        1\n{PDB.replace('END', 'ENDMDL')}MODEL        2\n{PDB.replace('END', 'ENDMDL')}END\n"
    )
    polymer = polymer_beads(gemmi.read_pdb_string(models))
    assert polymer is not None
    assert polymer.heavy_atoms.tolist() == [3.0, 2.0]
    assert float(np.abs(polymer.centroid_angstrom).max()) < 4.0


def test_no_polymer() -> None:
    water = "HETATM    9  O   HOH A 201      40.000   0.000   0.000  1.00 10.00           O\nEND\n"
    assert polymer_beads(gemmi.read_pdb_string(water)) is None
