from collections.abc import Callable
from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from emsearch.structures.beads import BeadModel
from emsearch.structures.binning import bin_beads, bin_beads_on_grid
from emsearch.structures.features import gyration_tensor


def random_beads(seed: int, count: int) -> BeadModel:
    random = np.random.default_rng(seed)
    return BeadModel(
        centroid_angstrom=random.normal(0.0, 60.0, (count, 3)).astype(np.float32),
        mass_da=random.uniform(57.0, 345.0, count).astype(np.float32),
        volume_angstrom3=random.uniform(70.0, 310.0, count).astype(np.float32),
        width_angstrom=random.uniform(0.7, 2.1, count).astype(np.float32),
        scattering_angstrom=random.uniform(10.0, 60.0, count).astype(np.float32),
        nucleic=random.random(count) < 0.3,
    )


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), limit=st.integers(20, 900))
def test_mass_volume_scattering_centre_and_rg_are_conserved(seed: int, limit: int) -> None:
    beads = random_beads(seed, 1000)
    merged = bin_beads(beads, limit)
    assert len(merged) <= limit
    for name in ("mass_da", "volume_angstrom3", "scattering_angstrom"):
        np.testing.assert_allclose(getattr(merged, name).sum(), getattr(beads, name).sum(), rtol=1e-5)
    for kind in (True, False):
        before, after = beads.mass_da[beads.nucleic == kind], merged.mass_da[merged.nucleic == kind]
        np.testing.assert_allclose(after.sum(), before.sum(), rtol=1e-5)
    np.testing.assert_allclose(
        merged.mass_da @ merged.centroid_angstrom / merged.mass_da.sum(),
        beads.mass_da @ beads.centroid_angstrom / beads.mass_da.sum(),
        atol=1e-2,
    )
    np.testing.assert_allclose(np.trace(gyration_tensor(merged)), np.trace(gyration_tensor(beads)), rtol=1e-4)


def test_a_model_within_the_limit_is_left_alone(make_beads: Callable[..., BeadModel]) -> None:
    beads = make_beads(np.zeros((5, 3)))
    assert bin_beads(beads, 5) is beads


def test_the_grid_is_no_coarser_than_needed() -> None:
    merged = bin_beads(random_beads(1, 30_000))
    assert 10_000 < len(merged) <= 20_000


def test_beads_of_a_cell_become_one_for_each_kind(make_beads: Callable[..., BeadModel]) -> None:
    random = np.random.default_rng(0)
    corner = np.repeat(np.array([[0.0, 0.0, 0.0], [30.0, 0.0, 0.0], [0.0, 0.0, 30.0]]), 4, axis=0)
    beads = replace(make_beads(corner + random.uniform(1, 9, (12, 3))), nucleic=np.arange(12) % 4 == 0)
    merged = bin_beads_on_grid(beads, 10.0)
    assert len(merged) == 6 and int(merged.nucleic.sum()) == 3
    assert len(bin_beads_on_grid(beads, 1e-3)) == 12


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), cell=st.floats(3, 200))
def test_a_grid_conserves_what_the_beads_weigh_and_how_far_they_reach(seed: int, cell: float) -> None:
    beads = random_beads(seed, 500)
    merged = bin_beads_on_grid(beads, cell)
    assert len(merged) <= len(beads)
    for name in ("mass_da", "volume_angstrom3", "scattering_angstrom"):
        np.testing.assert_allclose(getattr(merged, name).sum(), getattr(beads, name).sum(), rtol=1e-5)
    np.testing.assert_allclose(np.trace(gyration_tensor(merged)), np.trace(gyration_tensor(beads)), rtol=1e-4)
