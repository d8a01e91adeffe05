"""An index with a group of two members and a catalogue, for what the protocol reads of both."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emsearch.evaluation.poses import PoseError
from emsearch.evaluation.queries import Named, Query, Truth
from emsearch.search.engine import SearchIndex
from emsearch.shapes.rotations import quaternions_to_matrices
from emsearch.structures.beads import BeadModel
from emsearch_index.catalogue import Catalogue
from emsearch_index.generation import Generation
from emsearch_index.manifest import Manifest, hash_file

TURN = quaternions_to_matrices(np.array([0.5, 0.5, 0.5, 0.5]))
"""Turns blob2 into its twin."""


def _turned(model: BeadModel) -> BeadModel:
    return replace(model, centroid_angstrom=(model.centroid_angstrom @ TURN.T).astype(np.float32))


def _catalogue(path: Path, index: SearchIndex) -> None:
    path.parent.mkdir()
    twin = {"twin2": TURN.T}
    with Catalogue.create(path) as catalogue:
        rows = [
            {
                "group_id": group.id,
                "structure_id": member,
                "similarity": 1.0,
                "rotation": twin.get(member, np.eye(3)).ravel().tolist(),
                "translation_angstrom": [0.0, 0.0, 0.0],
                "mirror": False,
            }
            for group in index.groups
            for member in group.members
        ]
        catalogue.upsert("group_members", rows)
        catalogue.upsert("similarities", [{"structure_a": "blob1", "structure_b": "blob3", "score": 0.71}])


@pytest.fixture(scope="session")
def family_index(
    pooling_index: SearchIndex, blobs: dict[str, BeadModel], tmp_path_factory: pytest.TempPathFactory
) -> SearchIndex:
    """Return an index of five groups G0 to G4, of which G2 has a second member, twin2: blob2 turned."""
    folder = tmp_path_factory.mktemp("family")
    build: Callable[..., Any] = type(pooling_index)
    index: SearchIndex = build({**blobs, "twin2": _turned(blobs["blob2"])}, folder)
    (size_class,) = index.classes
    group_of_vector = np.where(size_class.group_of_vector == 5, 2, size_class.group_of_vector)
    index.classes = [replace(size_class, group_of_vector=group_of_vector, allowed=np.ones(5, np.bool_))]
    index.groups = index.groups[:5]
    index.groups[2] = replace(index.groups[2], members=("blob2", "twin2"))
    index.number = {group.id: k for k, group in enumerate(index.groups)}
    path = folder / "gen-0" / "catalogue.duckdb"
    _catalogue(path, index)
    manifest = Manifest("", {"catalogue.duckdb": hash_file(path)}, {}, {})
    index.generation = Generation(path.parent, "gen-0", manifest)
    return index


@pytest.fixture
def with_added(family_index: SearchIndex, monkeypatch: pytest.MonkeyPatch) -> SearchIndex:
    """Return the same index, of which G3 was added after training."""
    old = family_index.generation
    manifest = replace(old.manifest, configuration={"added_groups": ["G3"]})
    monkeypatch.setattr(family_index, "generation", replace(old, manifest=manifest))
    return family_index


@pytest.fixture
def a_query() -> Callable[..., Query]:
    """Return a function that makes a query of given rank; keywords replace fields of the query or its truth."""

    def make(rank: int | None, first: str = "G0", pose: PoseError | None = None, **fields: Any) -> Query:
        truth = Truth(
            group=fields.pop("group", "G0"),
            structure=fields.pop("structure", "blob0"),
            rmsd_angstrom=0.0,
            size_class=fields.pop("size_class", "d100-200"),
            quaternion=(1.0, 0.0, 0.0, 0.0),
            direction=(0.0, 0.0, 1.0),
            in_plane_degrees=0.0,
            shift_angstrom=(1.0, -2.0),
            fill=0.8,
            magnification=1.0,
            resolution_angstrom=20.0,
        )
        answers = fields.pop("answers", {"network": Named(2, "G1"), "re-ranked": Named(rank, first)})
        query = Query(
            set="trained",
            snr=10.0,
            image=0,
            in_index=True,
            among=5,
            truth=truth,
            answers=answers,
            in_database_probability=0.5,
            matched_structure="blob0",
            pose=pose,
            seconds=dict.fromkeys(answers, 0.25),
        )
        return replace(query, **fields)

    return make
