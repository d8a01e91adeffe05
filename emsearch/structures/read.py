"""A structure or map file to a ``Structure``."""

import re
from pathlib import Path

import gemmi
import numpy as np

from emsearch.structures.assembly import Assembly, assemble
from emsearch.structures.assembly_records import AssemblyRecord, mmcif_assemblies, pdb_assemblies
from emsearch.structures.atoms import Atoms, assembly_atoms
from emsearch.structures.binning import bin_beads
from emsearch.structures.chains import chain_rows, entity_of_pieces
from emsearch.structures.errors import StructureError
from emsearch.structures.expand import centred, expand
from emsearch.structures.features import measure
from emsearch.structures.files import base_name, read_file
from emsearch.structures.maps import map_beads
from emsearch.structures.metadata import Metadata, mmcif_metadata, pdb_metadata
from emsearch.structures.model import Structure
from emsearch.structures.mrc import read_mrc
from emsearch.structures.polymer import Polymer, polymer_beads
from emsearch.structures.symmetry import point_group

__all__ = ["has_atoms", "is_structure_file", "read_atoms", "read_structure", "structure_id"]

_MMCIF_SUFFIXES = (".cif", ".mmcif")
_PDB_SUFFIXES = (".pdb", ".ent")
_MAP_SUFFIXES = (".mrc", ".map", ".ccp4")
_BEADS_MAX = 20_000_000
_EXTENT_ANGSTROM_MAX = 100_000.0

_Parsed = tuple[gemmi.Structure, Metadata, list[AssemblyRecord]]


def is_structure_file(path: Path) -> bool:
    """Say by the name whether a path is a structure or map file.

    >>> is_structure_file(Path("6cvm.cif.gz")), is_structure_file(Path("manifest.tsv"))
    (True, False)
    """
    return base_name(path).endswith(_MMCIF_SUFFIXES + _PDB_SUFFIXES + _MAP_SUFFIXES)


def has_atoms(path: Path) -> bool:
    """Say by the name whether a file holds atoms rather than a density."""
    return base_name(path).endswith(_MMCIF_SUFFIXES + _PDB_SUFFIXES)


def structure_id(path: Path) -> str:
    """Name a structure after its file: the lower-case entry, or a map's stem with ``_map``.

    >>> [structure_id(Path(n)) for n in ("6CVM.cif.gz", "pdb6cvm.ent.gz", "4v4r_50S.mrc.gz")]
    ['6cvm', '6cvm', '4v4r_50S_map']
    """
    name = re.sub(r"\.gz$", "", path.name, flags=re.IGNORECASE)
    stem = name.rpartition(".")[0]
    if name.lower().endswith(_MAP_SUFFIXES):
        return f"{stem}_map"
    return re.sub(r"^pdb([0-9][a-z0-9]{3})$", r"\1", stem.lower())


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def _parse_mmcif(content: bytes, name: str) -> _Parsed:
    try:
        document = gemmi.cif.read_string(content)
        blocks = [block for block in document if block.find_values("_atom_site.Cartn_x")]
        if not blocks:
            raise StructureError(f"{name}: the CIF file holds no atoms (_atom_site); give a coordinate file.")
        assemblies = mmcif_assemblies(blocks[0], name)
        blocks[0].find_mmcif_category("_pdbx_struct_assembly_gen.").erase()  # gemmi would expand it again
        return gemmi.make_structure_from_block(blocks[0]), mmcif_metadata(blocks[0]), assemblies
    except StructureError:
        raise
    except (ValueError, RuntimeError, IndexError) as error:
        raise StructureError(f"{name}: is not a readable mmCIF file ({_first_line(error)}).") from error


def _parse_pdb(content: bytes, name: str) -> _Parsed:
    text = content.decode("latin-1")
    try:
        structure = gemmi.read_pdb_string(text)
    except (ValueError, RuntimeError, IndexError) as error:
        raise StructureError(f"{name}: is not a readable PDB file ({_first_line(error)}).") from error
    if len(structure) == 0 or structure[0].count_atom_sites() == 0:
        raise StructureError(f"{name}: holds no ATOM records; give a PDB file with coordinates.")
    return structure, pdb_metadata(structure, text), pdb_assemblies(structure)


def _check_polymer(polymer: Polymer | None, name: str) -> Polymer:
    if polymer is None:
        raise StructureError(f"{name}: holds no protein or nucleic acid chain; give a polymer.")
    if not (np.abs(polymer.centroid_angstrom) < _EXTENT_ANGSTROM_MAX).all():
        raise StructureError(
            f"{name}: coordinates are missing or beyond {_EXTENT_ANGSTROM_MAX:,.0f} A; correct the file."
        )
    return polymer


def _check_size(polymer: Polymer, assembly: Assembly, name: str) -> None:
    lengths = np.array([piece.stop - piece.start for piece in polymer.pieces])
    total = int(lengths[assembly.piece].sum())
    if total > _BEADS_MAX:
        raise StructureError(
            f"{name}: assembly {assembly.id} has {total:,} residues, more than {_BEADS_MAX:,}."
        )


def _read_atoms(path: Path) -> Structure:
    content, digest = read_file(path)
    parse = _parse_mmcif if base_name(path).endswith(_MMCIF_SUFFIXES) else _parse_pdb
    structure, metadata, records = parse(content, path.name)
    del content
    polymer = _check_polymer(polymer_beads(structure), path.name)
    assembly = assemble(records, polymer)
    _check_size(polymer, assembly, path.name)
    entities = entity_of_pieces(polymer)
    beads = expand(polymer, assembly)
    features = measure(beads, point_group(polymer, assembly, entities))
    modelled = np.minimum(polymer.heavy_atoms, polymer.heavy_atoms_expected).sum()
    notes = [*assembly.notes, metadata.missing()]
    if len(beads) > len(binned := bin_beads(beads)):
        notes.append(f"{len(beads)} residues binned to {len(binned)} beads")
    return Structure(
        id=structure_id(path),
        title=metadata.title,
        method=metadata.method,
        resolution_angstrom=metadata.resolution_angstrom,
        organism=metadata.organism,
        release_date=metadata.release_date,
        source=path.name,
        source_sha256=digest,
        assembly_id=assembly.id,
        assembly_source=assembly.source,
        completeness=float(modelled / polymer.heavy_atoms_expected.sum()),
        residues=len(beads),
        chains=chain_rows(polymer, assembly, entities, metadata.sequences),
        notes="; ".join(note for note in notes if note),
        beads=binned,
        features=features,
    )


def read_atoms(path: Path) -> Atoms:
    """Read the atoms of the biological assembly of an mmCIF or PDB file, about the centre of mass of its beads.

    Raises
    ------
    StructureError
        The file cannot be read, or its assembly has more atoms than are copied.
    """
    content, _ = read_file(path)
    parse = _parse_mmcif if base_name(path).endswith(_MMCIF_SUFFIXES) else _parse_pdb
    structure, _, records = parse(content, path.name)
    polymer = _check_polymer(polymer_beads(structure), path.name)
    return assembly_atoms(structure, polymer, assemble(records, polymer), path.name)


def _read_map(path: Path, level: float | None) -> Structure:
    content, digest = read_file(path)
    density = read_mrc(content, path.name)
    del content
    voxels, used = map_beads(density, level, path.name)
    beads = centred(voxels)
    features = measure(beads, "C1")
    chosen = "automatic" if level is None else "given"
    return Structure(
        id=structure_id(path),
        title="",
        method="MAP",
        resolution_angstrom=None,
        organism="",
        release_date=None,
        source=path.name,
        source_sha256=digest,
        assembly_id="",
        assembly_source="map",
        completeness=1.0,
        residues=0,
        chains=(),
        notes=f"density map, contour level {used:.4g} ({chosen}); mass as if all of the volume were protein",
        beads=bin_beads(beads),
        features=features,
    )


def read_structure(path: Path, *, map_level: float | None = None) -> Structure:
    """Read mmCIF, PDB or a density map (MRC, CCP4), each also gzipped, into a bead model with features.

    Parameters
    ----------
    path : Path
        The suffix says what it is: .cif, .mmcif, .pdb, .ent, .mrc, .map or .ccp4, with or without .gz.
    map_level : float, optional
        Contour level of a map; chosen automatically and noted where it is not given.

    Returns
    -------
    Structure
        Its biological assembly (``assembly.assemble``), one bead a residue, at most 20,000 beads.

    Raises
    ------
    StructureError
        The file cannot be read or holds nothing to simulate; the message is one sentence that names it.
    """
    name = base_name(path)
    if name.endswith(_MAP_SUFFIXES):
        return _read_map(path, map_level)
    if name.endswith(_MMCIF_SUFFIXES + _PDB_SUFFIXES):
        return _read_atoms(path)
    raise StructureError(
        f"{path.name}: unknown suffix; expected .cif, .mmcif, .pdb, .ent, .mrc, .map or .ccp4, .gz or not."
    )
