import gemmi
import pytest

from emsearch.structures.residues import AVERAGE_NUCLEOTIDE, AVERAGE_RESIDUE, residue_type

AMINO_ACIDS = [
    *("ALA", "ARG", "ASN", "ASP", "CYS", "GLN", "GLU", "GLY", "HIS", "ILE", "LEU"),
    *("LYS", "MET", "PHE", "PRO", "SER", "THR", "TRP", "TYR", "VAL", "MSE", "SEC"),
]
NUCLEOTIDES = ["A", "C", "G", "U", "DA", "DC", "DG", "DT"]


@pytest.mark.parametrize("name", AMINO_ACIDS + NUCLEOTIDES)
def test_mass_is_the_tabulated_molecule_less_one_water(name: str) -> None:
    kind = residue_type(name)
    assert kind is not None
    # gemmi tabulates some molecules with a proton more or less than the neutral residue
    assert kind.mass_da == pytest.approx(gemmi.find_tabulated_residue(name).weight - 18.0153, abs=1.1)
    assert kind.nucleic == (name in NUCLEOTIDES)


def test_scattering_counts_hydrogens() -> None:
    glycine = residue_type("GLY")
    assert glycine is not None
    factor = {symbol: gemmi.Element(symbol).c4322.calculate_sf(0.0) for symbol in "CHNO"}
    expected = 2 * factor["C"] + 3 * factor["H"] + factor["N"] + factor["O"]
    assert glycine.scattering_angstrom == pytest.approx(expected)


def test_modified_residues_stay_close_to_their_parents() -> None:
    pseudouridine, uridine = residue_type("PSU"), residue_type("U")
    assert pseudouridine is not None and uridine is not None
    assert pseudouridine.nucleic
    assert pseudouridine.mass_da == pytest.approx(uridine.mass_da, abs=1.1)
    assert pseudouridine.scattering_angstrom == pytest.approx(uridine.scattering_angstrom, rel=0.05)


def test_names_of_no_polymer_residue() -> None:
    assert residue_type("HOH") is None
    assert residue_type("QQQ") is None


def test_unknown_residues_are_average_ones() -> None:
    assert AVERAGE_RESIDUE.mass_da == pytest.approx(111.12, abs=0.1)  # averagine, Senko et al. 1995
    assert AVERAGE_NUCLEOTIDE.mass_da == pytest.approx(321.5, abs=1.0)
    assert residue_type("UNK") == AVERAGE_RESIDUE
