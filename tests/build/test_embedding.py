from pathlib import Path

import numpy as np
import pytest
import torch

from emsearch.build.embedding import Embedder, view_grid
from emsearch.network.checkpoint import save_weights
from emsearch.network.model import ShapeNetwork
from emsearch.shapes.rotations import quaternions_to_matrices
from emsearch.structures.beads import BeadModel


def _beads(residues: int = 200) -> BeadModel:
    rng = np.random.default_rng(1)
    position = (rng.normal(size=(residues, 3)) * [30.0, 18.0, 9.0]).astype(np.float32)
    mass = np.full(residues, 110.0, np.float32)
    width, scattering = np.full(residues, 1.5, np.float32), np.full(residues, 25.0, np.float32)
    return BeadModel(position, mass, 1.21 * mass, width, scattering, np.zeros(residues, np.bool_))


def test_the_grid_looks_from_all_sides_at_every_fill() -> None:
    grid = view_grid(2, (1.0, 0.5))
    beam = quaternions_to_matrices(grid.quaternion)[:, 2]
    assert len(grid) == 96
    np.testing.assert_array_equal(grid.fill, np.repeat([1.0, 0.5], 48).astype(np.float32))
    np.testing.assert_array_equal(beam[:48], beam[48:])
    assert len(np.unique(beam[:48].round(6), axis=0)) == 48
    np.testing.assert_allclose(beam[:48].mean(axis=0), 0.0, atol=1e-9)


def test_embeddings_are_unit_vectors_that_depend_on_view_and_fill(tmp_path: Path) -> None:
    torch.manual_seed(0)
    save_weights(tmp_path / "w.safetensors", ShapeNetwork(3, width=16).eval())
    embedder = Embedder(tmp_path / "w.safetensors", "cpu")
    grid = view_grid(1, (1.0, 0.5))
    found = embedder.embed(_beads(), grid, 6.0, 32)
    assert found.shape == (24, 16) and found.dtype == np.float16
    assert np.linalg.norm(found.astype(np.float32), axis=1) == pytest.approx(np.ones(24), abs=2e-3)
    np.testing.assert_array_equal(found, embedder.embed(_beads(), grid, 6.0, 32))
    assert len(np.unique(found[:12], axis=0)) > 6  # untrained, it tells only some views apart
    assert not np.array_equal(found[:12], found[12:])
