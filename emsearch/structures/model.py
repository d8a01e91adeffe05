"""A structure: bead model, features and everything the catalogue knows of it."""

from dataclasses import dataclass

from emsearch.structures.beads import BeadModel

__all__ = ["Chain", "Features", "Structure"]


@dataclass(frozen=True, slots=True)
class Features:
    """Mass and shape of a bead model (units in the names; physics: Rg^2 = l1 + l2 + l3).

    ``gyration_angstrom2`` are the eigenvalues l1 >= l2 >= l3 of the mass-weighted gyration tensor,
    bead widths included; ``inertia_da_angstrom2`` the principal moments M (Rg^2 - l_k).
    """

    mass_da: float
    mass_protein_da: float
    mass_nucleic_da: float
    rg_angstrom: float
    dmax_angstrom: float
    gyration_angstrom2: tuple[float, float, float]
    inertia_da_angstrom2: tuple[float, float, float]
    asphericity_angstrom2: float
    acylindricity_angstrom2: float
    anisotropy: float
    volume_angstrom3: float
    symmetry: str


@dataclass(frozen=True, slots=True)
class Chain:
    """One kind of chain of the assembly: its entity, polymer type, copies, length and sequence."""

    entity: str
    type: str
    copies: int
    residues: int
    mass_da: float
    sequence_sha256: str


@dataclass(frozen=True, slots=True)
class Structure:
    """One entry: a biological assembly from mmCIF or PDB, or a density map, as beads."""

    id: str
    title: str
    method: str
    resolution_angstrom: float | None
    organism: str
    release_date: str | None
    source: str
    source_sha256: str
    assembly_id: str
    assembly_source: str
    completeness: float
    residues: int
    chains: tuple[Chain, ...]
    notes: str
    beads: BeadModel
    features: Features
