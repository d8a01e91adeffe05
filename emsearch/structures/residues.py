"""What a residue weighs and scatters, by its three-letter name.

Masses carry hydrogens although the files do not: a residue is weighed by its type, as a whole, whichever of
its atoms were modelled.
"""

from dataclasses import dataclass
from functools import cache

import gemmi

__all__ = [
    "AVERAGE_NUCLEOTIDE",
    "AVERAGE_RESIDUE",
    "PROTEIN_SCATTERING_PER_DA",
    "VOLUME_PER_DA_NUCLEIC",
    "VOLUME_PER_DA_PROTEIN",
    "ResidueType",
    "residue_type",
]

VOLUME_PER_DA_PROTEIN = 1.21  # A^3/Da: partial specific volume 0.73 cm^3/g
VOLUME_PER_DA_NUCLEIC = 0.9  # A^3/Da, within 0.88-0.95

_ELEMENTS = ("C", "H", "N", "O", "S", "P", "Se")
_WATER_DA = 18.0153

# Composition in a chain, one water less than the free molecule: C, H, N, O, S, P, Se.
_COMPOSITION: dict[str, tuple[float, ...]] = {
    "ALA": (3, 5, 1, 1, 0, 0, 0),
    "ARG": (6, 12, 4, 1, 0, 0, 0),
    "ASN": (4, 6, 2, 2, 0, 0, 0),
    "ASP": (4, 5, 1, 3, 0, 0, 0),
    "CYS": (3, 5, 1, 1, 1, 0, 0),
    "GLN": (5, 8, 2, 2, 0, 0, 0),
    "GLU": (5, 7, 1, 3, 0, 0, 0),
    "GLY": (2, 3, 1, 1, 0, 0, 0),
    "HIS": (6, 7, 3, 1, 0, 0, 0),
    "ILE": (6, 11, 1, 1, 0, 0, 0),
    "LEU": (6, 11, 1, 1, 0, 0, 0),
    "LYS": (6, 12, 2, 1, 0, 0, 0),
    "MET": (5, 9, 1, 1, 1, 0, 0),
    "PHE": (9, 9, 1, 1, 0, 0, 0),
    "PRO": (5, 7, 1, 1, 0, 0, 0),
    "SER": (3, 5, 1, 2, 0, 0, 0),
    "THR": (4, 7, 1, 2, 0, 0, 0),
    "TRP": (11, 10, 2, 1, 0, 0, 0),
    "TYR": (9, 9, 1, 2, 0, 0, 0),
    "VAL": (5, 9, 1, 1, 0, 0, 0),
    "MSE": (5, 9, 1, 1, 0, 0, 1),
    "SEC": (3, 5, 1, 1, 0, 0, 1),
    # the mean residue of proteins, "averagine": Senko et al. 1995, J Am Soc Mass Spectrom 6:229
    "UNK": (4.9384, 7.7583, 1.3577, 1.4773, 0.0417, 0, 0),
    "A": (10, 12, 5, 6, 0, 1, 0),
    "C": (9, 12, 3, 7, 0, 1, 0),
    "G": (10, 12, 5, 7, 0, 1, 0),
    "I": (10, 11, 4, 7, 0, 1, 0),
    "U": (9, 11, 2, 8, 0, 1, 0),
    "DA": (10, 12, 5, 5, 0, 1, 0),
    "DC": (9, 12, 3, 6, 0, 1, 0),
    "DG": (10, 12, 5, 6, 0, 1, 0),
    "DI": (10, 11, 4, 6, 0, 1, 0),
    "DT": (10, 13, 2, 7, 0, 1, 0),
    "DU": (9, 11, 2, 7, 0, 1, 0),
    "N": (9.5, 11.75, 3.75, 7, 0, 1, 0),  # mean of A, C, G and U
    "DN": (9.75, 12.25, 3.75, 6, 0, 1, 0),  # mean of DA, DC, DG and DT
}
_NUCLEOTIDES = frozenset({"A", "C", "G", "I", "U", "DA", "DC", "DG", "DI", "DT", "DU", "N", "DN"})

# sqrt(Rg^2 / 3) in A, root mean square over the 500,000 complete residues of 406 all-atom PDB entries.
_WIDTH_ANGSTROM = {
    "ALA": 0.865,
    "ARG": 1.707,
    "ASN": 1.173,
    "ASP": 1.177,
    "CYS": 1.083,
    "GLN": 1.369,
    "GLU": 1.375,
    "GLY": 0.792,
    "HIS": 1.349,
    "ILE": 1.165,
    "LEU": 1.219,
    "LYS": 1.528,
    "MET": 1.355,
    "PHE": 1.432,
    "PRO": 0.988,
    "SER": 0.968,
    "THR": 1.029,
    "TRP": 1.581,
    "TYR": 1.582,
    "VAL": 1.034,
    "MSE": 1.340,
    "A": 2.069,
    "C": 1.920,
    "G": 2.136,
    "U": 1.923,
    "DA": 2.094,
    "DC": 1.948,
    "DG": 2.159,
    "DT": 1.986,
}
_WIDTH_PROTEIN_ANGSTROM = 1.25
_WIDTH_NUCLEOTIDE_ANGSTROM = 2.03


@dataclass(frozen=True, slots=True)
class ResidueType:
    """A kind of residue as it stands in a chain.

    ``heavy_atoms`` is the number expected, ``heavy_mass_da`` their mass, ``scattering_angstrom`` the sum of
    f_e(0) with hydrogens, ``width_angstrom`` the typical sqrt(Rg^2 / 3).
    """

    mass_da: float
    heavy_mass_da: float
    heavy_atoms: float
    scattering_angstrom: float
    width_angstrom: float
    nucleic: bool
    letter: str


def _composed(name: str) -> ResidueType:
    counts = dict(zip(_ELEMENTS, _COMPOSITION[name], strict=True))
    weight = {symbol: gemmi.Element(symbol).weight for symbol in _ELEMENTS}
    # electron scattering factors at zero angle: International Tables C, table 4.3.2.2
    factor = {symbol: gemmi.Element(symbol).c4322.calculate_sf(0.0) for symbol in _ELEMENTS}
    nucleic = name in _NUCLEOTIDES
    mass = sum(n * weight[symbol] for symbol, n in counts.items())
    typical = _WIDTH_NUCLEOTIDE_ANGSTROM if nucleic else _WIDTH_PROTEIN_ANGSTROM
    return ResidueType(
        mass_da=mass,
        heavy_mass_da=mass - counts["H"] * weight["H"],
        heavy_atoms=sum(n for symbol, n in counts.items() if symbol != "H"),
        scattering_angstrom=sum(n * factor[symbol] for symbol, n in counts.items()),
        width_angstrom=_WIDTH_ANGSTROM.get(name, typical),
        nucleic=nucleic,
        letter=gemmi.find_tabulated_residue(name).fasta_code(),
    )


AVERAGE_RESIDUE = _composed("UNK")
AVERAGE_NUCLEOTIDE = _composed("N")
PROTEIN_SCATTERING_PER_DA = AVERAGE_RESIDUE.scattering_angstrom / AVERAGE_RESIDUE.mass_da


def _scaled(average: ResidueType, mass_da: float, letter: str) -> ResidueType:
    ratio = mass_da / average.mass_da
    return ResidueType(
        mass_da=mass_da,
        heavy_mass_da=average.heavy_mass_da * ratio,
        heavy_atoms=average.heavy_atoms * ratio,
        scattering_angstrom=average.scattering_angstrom * ratio,
        width_angstrom=average.width_angstrom,
        nucleic=average.nucleic,
        letter=letter,
    )


@cache
def residue_type(name: str) -> ResidueType | None:
    """Look a residue up by name; None where its name is in no table.

    The standard residues are composed atom by atom; modified ones weigh what gemmi tabulates, less one water,
    and scatter as the average residue of that mass.

    >>> round(residue_type("ALA").mass_da, 2), residue_type("DA").nucleic, residue_type("QQQ") is None
    (71.08, True, True)
    """
    if name in _COMPOSITION:
        return _composed(name)
    info = gemmi.find_tabulated_residue(name)
    if not info.found() or info.weight <= 2 * _WATER_DA:
        return None
    if info.is_nucleic_acid():
        return _scaled(AVERAGE_NUCLEOTIDE, info.weight - _WATER_DA, info.fasta_code())
    if info.is_amino_acid():
        return _scaled(AVERAGE_RESIDUE, info.weight - _WATER_DA, info.fasta_code())
    return None
