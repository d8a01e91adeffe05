"""A catalogue of ellipsoids and their bead models."""

from collections.abc import Iterator

import numpy as np
import pytest

from emsearch.structures.beads import BeadModel
from emsearch.structures.features import measure
from emsearch_index.catalogue import Catalogue


def ellipsoid(half_axes: tuple[float, float, float], seed: int = 0) -> BeadModel:
    """Beads spread evenly through an ellipsoid whose half axes lie along x, y and z."""
    rng = np.random.default_rng(seed)
    places = rng.uniform(-1, 1, (4000, 3))
    places = places[(places**2).sum(axis=1) < 1][:600] * half_axes
    n = len(places)
    return BeadModel(
        centroid_angstrom=(places - places.mean(axis=0)).astype(np.float32),
        mass_da=np.full(n, 110, np.float32),
        volume_angstrom3=np.full(n, 133, np.float32),
        width_angstrom=np.full(n, 2, np.float32),
        scattering_angstrom=np.full(n, 30, np.float32),
        nucleic=np.arange(n) % 5 == 0,
    )


def size_row(name: str, beads: BeadModel, group: str) -> dict[str, object]:
    """What the catalogue says of a structure."""
    f = measure(beads, "C1")
    gyration = {f"gyration_{k + 1}": value for k, value in enumerate(f.gyration_angstrom2)}
    return {
        "id": name,
        "title": f"title of {name}",
        "mass_da": f.mass_da,
        "rg_angstrom": f.rg_angstrom,
        "dmax_angstrom": f.dmax_angstrom,
        "anisotropy": f.anisotropy,
        "volume_angstrom3": f.volume_angstrom3,
        "symmetry": "C1",
        "size_class": "small" if f.dmax_angstrom < 130 else "large",
        "group_id": group,
        **gyration,
    }


@pytest.fixture(scope="session")
def shapes() -> dict[str, BeadModel]:
    """Return fifteen ellipsoids, from balls to rods, of three sizes."""
    forms = ((1.0, 1.0, 1.0), (1.3, 1.0, 0.9), (1.5, 1.4, 0.5), (2.0, 0.8, 0.7), (3.0, 0.6, 0.6))
    return {
        f"s{size}{k}": ellipsoid((size * form[0], size * form[1], size * form[2]), seed=k)
        for size in (30, 45, 70)
        for k, form in enumerate(forms)
    }


@pytest.fixture(scope="session")
def catalogue(shapes: dict[str, BeadModel], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalogue]:
    """Return a catalogue in which each ellipsoid is a group, and the first group has a second member."""
    names = list(shapes)
    rows = [size_row(name, beads, f"G{k:02d}") for k, (name, beads) in enumerate(shapes.items())]
    twin = size_row("twin", shapes[names[0]], "G00")
    unit = {"rotation": np.eye(3).ravel().tolist(), "translation_angstrom": [0.0, 0.0, 0.0], "mirror": False}
    turned = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    path = tmp_path_factory.mktemp("gallery") / "catalogue.duckdb"
    with Catalogue.create(path) as made:
        made.upsert("structures", [*rows, twin])
        made.upsert(
            "groups",
            [
                {
                    "id": row["group_id"],
                    "name": f"name of {row['id']}",
                    "size_class": row["size_class"],
                    "representative_id": row["id"],
                    "members": 2 if k == 0 else 1,
                }
                for k, row in enumerate(rows)
            ],
        )
        made.upsert(
            "group_members",
            [
                *(
                    {"group_id": row["group_id"], "structure_id": row["id"], "similarity": 1.0, **unit}
                    for row in rows
                ),
                {
                    "group_id": "G00",
                    "structure_id": "twin",
                    "similarity": 0.95,
                    "rotation": turned.ravel().tolist(),
                    "translation_angstrom": [1.0, 2.0, 3.0],
                    "mirror": True,
                },
            ],
        )
        made.upsert(
            "similarities",
            [
                {"structure_a": names[0], "structure_b": names[1], "score": 0.8},
                {"structure_a": names[1], "structure_b": "twin", "score": 0.85},
                {"structure_a": names[0], "structure_b": names[2], "score": 0.6},
            ],
        )
    with Catalogue(path) as opened:
        yield opened
