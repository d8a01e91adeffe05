"""A handful of small made-up particles as files, and settings under which a build takes seconds."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest
from numpy.typing import NDArray

from emsearch.build import BuildSettings, build
from emsearch.imaging.blur import SIGMA_OVER_RESOLUTION
from emsearch.network.settings import TrainingSettings
from emsearch_index.catalogue import Catalogue
from emsearch_index.schema import TABLES

Array = NDArray[np.float64]
Tables = dict[str, list[dict[str, Any]]]

TINY = BuildSettings(
    training_images=64,
    nside=1,
    fills=(1.0, 0.6),
    member_fills=(1.0,),
    calibration_images=4,
    quantity_images=16,
    workers=1,
    device="cpu",
    box_px=32,
    training=TrainingSettings(batch=32, stages=((1.0, 32),), validation_images=64),
)


def _blob(seed: int, semi_axes: tuple[float, float, float], residues: int = 120) -> Array:
    """Residues in a few balls at random places of an ellipsoid."""
    rng = np.random.default_rng(seed)
    scale = np.array(semi_axes)
    centre = rng.normal(size=(5, 3)) * 0.5 * scale
    scatter = rng.normal(size=(residues, 3)) * 0.25 * scale.mean()
    return np.asarray(centre[rng.integers(0, 5, residues)] + scatter)


def _mmcif(position: Array, title: str) -> str:
    """Compose an mmCIF file of one C-alpha chain."""
    atoms = [
        f"ATOM {k} C CA . ALA A 1 {k} {x:.3f} {y:.3f} {z:.3f} 1 10 {k} A 1"
        for k, (x, y, z) in enumerate(position.tolist(), start=1)
    ]
    tags = [
        *(
            "group_PDB",
            "id",
            "type_symbol",
            "label_atom_id",
            "label_alt_id",
            "label_comp_id",
            "label_asym_id",
        ),
        *("label_entity_id", "label_seq_id", "Cartn_x", "Cartn_y", "Cartn_z", "occupancy", "B_iso_or_equiv"),
        *("auth_seq_id", "auth_asym_id", "pdbx_PDB_model_num"),
    ]
    lines = [
        "data_TEST",
        f"_struct.title '{title}'",
        "loop_\n_entity.id\n_entity.type\n1 polymer",
        "loop_\n_entity_poly.entity_id\n_entity_poly.type\n1 'polypeptide(L)'",
        "loop_\n_struct_asym.id\n_struct_asym.entity_id\nA 1",
        "loop_",
        *(f"_atom_site.{tag}" for tag in tags),
        *atoms,
    ]
    return "\n".join(lines) + "\n"


def _write_map(path: Path, position: Array, voxel_angstrom: float = 4.0) -> None:
    """Write the density of points as an MRC map."""
    low = position.min(axis=0) - 20.0
    shape = np.ceil((position.max(axis=0) + 20.0 - low) / voxel_angstrom).astype(int)
    grid = np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij"), -1) * voxel_angstrom + low
    sigma = SIGMA_OVER_RESOLUTION * 20.0
    density = sum(np.exp(-((grid - point) ** 2).sum(-1) / (2 * sigma**2)) for point in position)
    with mrcfile.new(path) as file:
        file.set_data(np.ascontiguousarray(np.asarray(density).T, np.float32))
        file.voxel_size = voxel_angstrom


@pytest.fixture(scope="session")
def write_inputs() -> Callable[[Path], Path]:
    """Return a function that fills a folder with five structures, two of them alike, and a map."""

    def write(folder: Path) -> Path:
        folder.mkdir(parents=True)
        first = _blob(1, (25.0, 15.0, 10.0))
        shaken = first + np.random.default_rng(9).normal(size=first.shape)
        particles = {
            "1aaa": first,
            "1aab": shaken,
            "1bbb": _blob(2, (30.0, 14.0, 12.0)),
            "1ccc": _blob(3, (18.0, 18.0, 18.0)),
            "1ddd": _blob(4, (110.0, 20.0, 20.0), 250),
        }
        for name, position in particles.items():
            (folder / f"{name}.cif").write_text(_mmcif(position, f"Particle {name}"), encoding="utf-8")
        _write_map(folder / "1eee.mrc", _blob(5, (40.0, 30.0, 20.0), 60))
        return folder

    return write


@pytest.fixture(scope="session")
def compose_mmcif() -> Callable[[int], str]:
    """Return a function that composes the mmCIF text of a particle of a seed."""
    return lambda seed: _mmcif(_blob(seed, (24.0, 20.0, 12.0)), f"Particle of seed {seed}")


@pytest.fixture(scope="session")
def tables_of() -> Callable[[Path], Tables]:
    """Return a function that reads all rows of a catalogue, but how and when it was built.

    Numbers are rounded to four decimals: a refinement ends within about 1e-8 of the same score, freshly compiled or not.
    """

    def rounded(value: Any) -> Any:
        if isinstance(value, list):
            return [rounded(item) for item in value]
        return round(value, 4) if isinstance(value, float) else value

    def read(path: Path) -> Tables:
        with Catalogue(path) as catalogue:
            tables = {
                table.name: catalogue.rows(f"SELECT * FROM {table.name} ORDER BY {', '.join(table.key)}")
                for table in TABLES
                if table.name != "builds"
            }
        return {
            name: [{column: rounded(value) for column, value in row.items()} for row in rows]
            for name, rows in tables.items()
        }

    return read


@pytest.fixture(scope="session")
def tiny() -> BuildSettings:
    """Return settings under which a build takes seconds."""
    return TINY


@pytest.fixture(scope="session")
def built(
    tmp_path_factory: pytest.TempPathFactory, write_inputs: Callable[[Path], Path]
) -> Iterator[tuple[Path, Path]]:
    """Return the inputs and the index of a build that nothing interrupted."""
    folder = tmp_path_factory.mktemp("built")
    inputs, out = write_inputs(folder / "inputs"), folder / "index"
    build([inputs], out, TINY, report=lambda line: None)
    yield inputs, out
    shutil.rmtree(folder)  # the training state is large
