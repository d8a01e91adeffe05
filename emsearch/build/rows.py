"""A structure as rows of the catalogue."""

from typing import Any

from emsearch.structures.model import Structure

__all__ = ["chain_rows", "structure_row"]


def structure_row(structure: Structure, source: str) -> dict[str, Any]:
    """Return the row of ``structures``, all but its group and size class."""
    s, f = structure, structure.features
    return {
        "id": s.id,
        "title": s.title,
        "method": s.method,
        "resolution_angstrom": s.resolution_angstrom,
        "organism": s.organism,
        "release_date": s.release_date,
        "source": source,
        "source_sha256": s.source_sha256,
        "assembly_id": s.assembly_id,
        "assembly_source": s.assembly_source,
        "symmetry": f.symmetry,
        "chains": sum(chain.copies for chain in s.chains),
        "residues": s.residues,
        "mass_da": f.mass_da,
        "mass_protein_da": f.mass_protein_da,
        "mass_nucleic_da": f.mass_nucleic_da,
        "completeness": s.completeness,
        "rg_angstrom": f.rg_angstrom,
        "dmax_angstrom": f.dmax_angstrom,
        **{f"gyration_{k}": value for k, value in enumerate(f.gyration_angstrom2, start=1)},
        **{f"inertia_{k}": value for k, value in enumerate(f.inertia_da_angstrom2, start=1)},
        "asphericity": f.asphericity_angstrom2,
        "acylindricity": f.acylindricity_angstrom2,
        "anisotropy": f.anisotropy,
        "volume_angstrom3": f.volume_angstrom3,
        "notes": s.notes,
    }


def chain_rows(structure: Structure) -> list[dict[str, Any]]:
    """Return the rows of ``chains``."""
    return [
        {
            "structure_id": structure.id,
            "entity": chain.entity,
            "type": chain.type,
            "copies": chain.copies,
            "residues": chain.residues,
            "mass_da": chain.mass_da,
            "sequence_sha256": chain.sequence_sha256,
        }
        for chain in structure.chains
    ]
