import gzip
import hashlib
from collections.abc import Callable
from pathlib import Path

import gemmi
import numpy as np
import pytest

from emsearch.structures.errors import StructureError
from emsearch.structures.read import is_structure_file, read_atoms, read_structure

TURN = ("2", (-1, 0, 0, 0, -1, 0, 0, 0, 1), (0.0, 0.0, 0.0))
ONE = ("1", (1, 0, 0, 0, 1, 0, 0, 0, 1), (0.0, 0.0, 0.0))


@pytest.fixture
def dimer(compose_mmcif: Callable[..., str], make_helix: Callable[..., list[object]]) -> str:
    atoms = make_helix("A", "1", ["ALA", "LEU", "TRP"] * 10, (15, 3, 0))
    return compose_mmcif(
        atoms, [("1", "author_defined_assembly")], [("1", "1,2", "A")], [ONE, TURN], "_struct.title Dimer"
    )


def test_structure_of_a_file(tmp_path: Path, dimer: str) -> None:
    path = tmp_path / "1ABC.cif.gz"
    path.write_bytes(gzip.compress(dimer.encode()))
    structure = read_structure(path)
    assert (structure.id, structure.title, structure.source) == ("1abc", "Dimer", "1ABC.cif.gz")
    assert structure.source_sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (structure.assembly_id, structure.assembly_source) == ("1", "author_defined")
    assert structure.features.symmetry == "C2"
    assert structure.residues == len(structure.beads) == 60
    (chain,) = structure.chains
    assert (chain.entity, chain.type, chain.copies, chain.residues) == ("1", "protein", 2, 30)
    assert chain.sequence_sha256 == hashlib.sha256(b"ALW" * 10).hexdigest()
    assert chain.copies * chain.mass_da == pytest.approx(structure.features.mass_da, rel=1e-6)
    assert structure.completeness == pytest.approx(3 / (5 + 8 + 14))
    centre = structure.beads.mass_da @ structure.beads.centroid_angstrom / structure.features.mass_da
    np.testing.assert_allclose(centre, 0.0, atol=1e-4)
    assert "organism" in structure.notes


def test_atoms_of_an_assembly_lie_where_its_beads_do(tmp_path: Path, dimer: str) -> None:
    path = tmp_path / "dimer.cif"
    path.write_text(dimer)
    atoms, beads = read_atoms(path), read_structure(path).beads
    assert list(dict.fromkeys(atoms.chain.tolist())) == ["A_1", "A_2"]
    assert atoms.number.tolist() == [str(k) for k in range(1, 31)] * 2
    np.testing.assert_allclose(atoms.position_angstrom, beads.centroid_angstrom, atol=1e-3)


def test_pdb_and_mmcif_of_one_model_agree(tmp_path: Path, dimer: str) -> None:
    one, two = tmp_path / "one.cif", tmp_path / "pdb1abc.ent.gz"
    one.write_text(dimer)
    model = gemmi.make_structure_from_block(gemmi.cif.read_string(dimer).sole_block())
    two.write_bytes(gzip.compress(model.make_pdb_string().encode()))
    first, second = read_structure(one), read_structure(two)
    assert second.id == "1abc"
    assert second.assembly_source == "author_defined"
    np.testing.assert_allclose(second.beads.centroid_angstrom, first.beads.centroid_angstrom, atol=2e-3)
    assert second.features.mass_da == pytest.approx(first.features.mass_da)


def test_map(tmp_path: Path, compose_mrc: Callable[..., bytes]) -> None:
    values = np.zeros((12, 12, 12), np.float32)
    values[3:9, 4:8, 5:7] = 2.0
    path = tmp_path / "4v4r_50S.mrc"
    path.write_bytes(compose_mrc(values, 6.0))
    structure = read_structure(path, map_level=0.5)
    assert (structure.id, structure.method, structure.assembly_source) == ("4v4r_50S_map", "MAP", "map")
    assert structure.features.mass_da == pytest.approx(6 * 4 * 2 * 6.0**3 / 1.21, rel=1e-5)
    assert "level 0.5 (given)" in structure.notes
    assert "(automatic)" in read_structure(path).notes
    assert structure.chains == ()


NO_ATOMS = b"data_X\n_entry.id X\n"
WATER = b"HETATM    9  O   HOH A 201      40.000   0.000   0.000  1.00 10.00           O\nEND\n"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.cif", b"", "the file is empty"),
        ("a.cif", NO_ATOMS, "holds no atoms"),
        ("a.cif", b"Dear reader, this is a letter.\n", "not a readable mmCIF"),
        ("a.cif", bytes(range(256)) * 20, "not a readable mmCIF"),
        ("a.cif", b"data_X\nloop_\n_atom_site.id\n_atom_site.Cartn_x\n1\n", "not a readable mmCIF"),
        ("a.pdb", b"Dear reader, this is a letter.\n", "holds no ATOM records"),
        ("a.pdb", bytes(range(256)) * 20, "no ATOM records|not a readable PDB"),
        ("a.pdb", WATER, "no protein or nucleic acid"),
        ("a.mrc", b"Dear reader, this is a letter.\n", "shorter than the 1,024"),
        ("a.map", b"Dear reader, this is a letter.\n" * 99, "is not an MRC or CCP4 map"),
        ("a.txt", b"data_X\n", "unknown suffix"),
    ],
)
def test_bad_files_give_one_sentence(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(StructureError, match=message) as caught:
        read_structure(path)
    assert str(caught.value).startswith(f"{name}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", ["?", "1e30", "nan"])
def test_coordinates_must_be_numbers(tmp_path: Path, dimer: str, value: str) -> None:
    path = tmp_path / "a.cif"
    path.write_text(dimer.replace(" 17.300 ", f" {value} ", 1))
    assert f" {value} " in path.read_text()
    with pytest.raises(StructureError, match="coordinates are missing or beyond 100,000 A"):
        read_structure(path)


def test_suffixes() -> None:
    names = ["a.cif", "a.CIF.GZ", "a.mmcif", "a.pdb.gz", "a.ent", "a.mrc", "a.map.gz", "a.ccp4"]
    assert all(is_structure_file(Path(name)) for name in names)
    assert not any(is_structure_file(Path(name)) for name in ["a.tsv", "README.md", "a.gz", "cif", "a.mrcs"])


@pytest.mark.parametrize(
    ("entry", "symmetry", "chains", "kilodalton"),
    [
        ("6cvm", "D2", 4, 464.7),
        ("1aon", "C7", 21, 845.5),
        ("1aew", "O", 24, 464.9),
        ("1a34", "I", 180, 1351.5),
        ("4zxb", "C2", 10, 358.6),
        ("3j6r", "I", 360, 19000.0),
    ],
)
def test_real_entries(shared: Path, entry: str, symmetry: str, chains: int, kilodalton: float) -> None:
    structure = read_structure(shared / "structures" / f"{entry}.cif.gz")
    assert structure.features.symmetry == symmetry
    assert sum(chain.copies for chain in structure.chains) == chains
    assert structure.features.mass_da / 1e3 == pytest.approx(kilodalton, rel=0.02)
    assert len(structure.beads) <= 20_000


def test_map_and_model_of_one_molecule_agree(shared: Path) -> None:
    density = read_structure(shared / "maps" / "1f4a.mrc.gz")
    model = read_structure(shared / "structures" / "6cvm.cif.gz")
    assert density.features.mass_da == pytest.approx(model.features.mass_da, rel=0.15)
    assert density.features.rg_angstrom == pytest.approx(model.features.rg_angstrom, rel=0.06)
