"""Small mmCIF and MRC files, written by hand, and the folder of real ones."""

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from emsearch.structures.beads import BeadModel

Atom = tuple[str, str, str, int, str, float, float, float]  # chain, entity, residue, number, atom, x, y, z
Operator = tuple[str, tuple[float, ...], tuple[float, float, float]]

_ATOM_TAGS = [
    *("group_PDB", "id", "type_symbol", "label_atom_id", "label_alt_id", "label_comp_id", "label_asym_id"),
    *("label_entity_id", "label_seq_id", "Cartn_x", "Cartn_y", "Cartn_z", "occupancy", "B_iso_or_equiv"),
    *("auth_seq_id", "auth_asym_id", "pdbx_PDB_model_num"),
]


def _loop(category: str, tags: list[str], rows: list[str]) -> str:
    if not rows:
        return ""
    return "\n".join(["loop_", *(f"_{category}.{tag}" for tag in tags), *rows, ""])


def mmcif_text(
    atoms: list[Atom],
    assemblies: list[tuple[str, str]] | None = None,
    generators: list[tuple[str, str, str]] | None = None,
    operators: list[Operator] | None = None,
    extra: str = "",
) -> str:
    """Compose an mmCIF file of polymer chains; element by the atom name's first letter."""
    entities = sorted({atom[1] for atom in atoms})
    records = [
        f"ATOM {k} {a[4][0]} {a[4]} . {a[2]} {a[0]} {a[1]} {a[3]} {a[5]:.3f} {a[6]:.3f} {a[7]:.3f} "
        f"1 10 {a[3]} {a[0]} 1"
        for k, a in enumerate(atoms, start=1)
    ]
    chains = sorted({(atom[0], atom[1]) for atom in atoms})
    matrix = [f"matrix[{i}][{j}]" for i in (1, 2, 3) for j in (1, 2, 3)]
    return "data_TEST\n" + "\n".join(
        [
            extra,
            _loop("entity", ["id", "type"], [f"{name} polymer" for name in entities]),
            _loop("entity_poly", ["entity_id", "type"], [f"{name} 'polypeptide(L)'" for name in entities]),
            _loop("struct_asym", ["id", "entity_id"], [f"{chain} {entity}" for chain, entity in chains]),
            _loop(
                "pdbx_struct_assembly",
                ["id", "details", "method_details", "oligomeric_details", "oligomeric_count"],
                [
                    f"{name} {details if details == '?' else repr(details)} ? ? ?"
                    for name, details in assemblies or []
                ],
            ),
            _loop(
                "pdbx_struct_assembly_gen",
                ["assembly_id", "oper_expression", "asym_id_list"],
                [f"{name} '{expression}' {chain}" for name, expression, chain in generators or []],
            ),
            _loop(
                "pdbx_struct_oper_list",
                ["id", "type", *matrix, "vector[1]", "vector[2]", "vector[3]"],
                [
                    f"{name} 'point symmetry' {' '.join(map(str, rows))} {' '.join(map(str, shift))}"
                    for name, rows, shift in operators or []
                ],
            ),
            _loop("atom_site", _ATOM_TAGS, records),
        ]
    )


def helix(chain: str, entity: str, residues: list[str], origin: tuple[float, float, float]) -> list[Atom]:
    """C-alpha atoms of an alpha helix along z (radius 2.3 A, 100 degrees and 1.5 A a residue)."""
    atoms: list[Atom] = []
    for index, residue in enumerate(residues):
        angle = np.radians(100.0 * index)
        x, y = 2.3 * np.cos(angle), 2.3 * np.sin(angle)
        place = (origin[0] + float(x), origin[1] + float(y), origin[2] + 1.5 * index)
        atoms.append((chain, entity, residue, index + 1, "CA", *place))
    return atoms


def mrc_bytes(
    values: NDArray[np.float32],
    voxel_angstrom: float = 5.0,
    axes: tuple[int, int, int] = (1, 2, 3),
    extended: bytes = b"",
) -> bytes:
    """Compose an MRC2014 file; ``values`` are (sections, rows, columns), ``axes`` MAPC, MAPR, MAPS."""
    sections, rows, columns = values.shape
    stored = {axes[0]: columns, axes[1]: rows, axes[2]: sections}
    sampling = [stored[axis] for axis in (1, 2, 3)]
    header = struct.pack("<10i", columns, rows, sections, 2, 0, 0, 0, *sampling)
    header += struct.pack("<6f", *(n * voxel_angstrom for n in sampling), 90.0, 90.0, 90.0)
    header += struct.pack("<3i3f2i", *axes, 0.0, 0.0, 0.0, 1, len(extended))
    header += bytes(208 - len(header)) + b"MAP \x44\x44\x00\x00"
    return header + bytes(1024 - len(header)) + extended + values.astype("<f4").tobytes()


def point_beads(position: NDArray[np.float64], width_angstrom: float = 0.0) -> BeadModel:
    """Beads of 100 Da each at the given places (n, 3)."""
    count = len(position)
    return BeadModel(
        centroid_angstrom=position.astype(np.float32),
        mass_da=np.full(count, 100.0, np.float32),
        volume_angstrom3=np.full(count, 121.0, np.float32),
        width_angstrom=np.full(count, width_angstrom, np.float32),
        scattering_angstrom=np.full(count, 20.0, np.float32),
        nucleic=np.zeros(count, np.bool_),
    )


@pytest.fixture
def compose_mmcif() -> Callable[..., str]:
    return mmcif_text


@pytest.fixture
def make_helix() -> Callable[..., list[Atom]]:
    return helix


@pytest.fixture
def compose_mrc() -> Callable[..., bytes]:
    return mrc_bytes


@pytest.fixture(scope="session")
def make_beads() -> Callable[..., BeadModel]:
    return point_beads


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder of real structures and maps beside the project, or skip."""
    folder = Path(__file__).resolve().parents[2] / ".." / "shared"
    if not (folder / "structures").is_dir():
        pytest.skip("../shared/structures is not there")
    return folder
