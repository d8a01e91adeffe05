"""Images asked about together are answered as each alone."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from emsearch.imaging.parameters import clean_parameters
from emsearch.imaging.rotations import random_quaternions
from emsearch.search.proposal import propose, propose_together

if TYPE_CHECKING:
    from emsearch.search.engine import SearchIndex

PIXEL, SIDE, IMAGES = 3.0, 72, 12


@pytest.fixture(scope="module")
def images(pooling_index: "SearchIndex") -> torch.Tensor:
    quaternion = random_quaternions(np.random.default_rng(3), IMAGES)
    parameters = clean_parameters(quaternion).with_values(snr=2.0)
    simulator = pooling_index.simulator(pooling_index.structures)
    shot = simulator.micrographs(np.arange(IMAGES) % 5, parameters, np.full(IMAGES, PIXEL), SIDE, 1)
    return shot.micrographs


@pytest.mark.parametrize("pixel", [PIXEL, None])
def test_a_batch_answers_as_one_image_does(
    pooling_index: "SearchIndex", images: torch.Tensor, pixel: float | None
) -> None:
    together = propose_together(pooling_index, images, pixel)
    for k, image in enumerate(images):
        alone, among = propose(pooling_index, image, pixel), together.of(pooling_index, k)
        assert [c.group for c in among.candidates] == [c.group for c in alone.candidates]
        assert [c.structure for c in among.candidates] == [c.structure for c in alone.candidates]
        assert [c.sampling for c in among.candidates] == [c.sampling for c in alone.candidates]
        assert [c.share for c in among.candidates] == pytest.approx(
            [c.share for c in alone.candidates], abs=1e-5
        )
        assert among.similarity == pytest.approx(alone.similarity, abs=1e-5)


def test_the_first_candidates_leave_the_share_of_the_others(
    pooling_index: "SearchIndex", images: torch.Tensor
) -> None:
    together = propose_together(pooling_index, images[:2], PIXEL)
    every, first = together.of(pooling_index, 1), together.of(pooling_index, 1, most=2)
    assert first.candidates == every.candidates[:2]
    assert first.rest_group.tolist() == [c.group for c in every.candidates[2:]]
    assert first.rest_share.tolist() == [c.share for c in every.candidates[2:]]
    assert first.similarity == every.similarity


def test_what_the_network_never_learnt_is_not_ruled_out(
    pooling_index: "SearchIndex", images: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = propose_together(pooling_index, images, PIXEL)
    lowest = int(known.share.mean(axis=0).argmin())
    old = pooling_index.generation
    added = replace(old.manifest, configuration={"added_groups": [pooling_index.groups[lowest].id]})
    monkeypatch.setattr(pooling_index, "generation", replace(old, manifest=added))
    assert np.flatnonzero(pooling_index.untrained).tolist() == [lowest]
    share = propose_together(pooling_index, images, PIXEL).share
    assert share.sum(axis=1) == pytest.approx(1)
    even = 1 / np.count_nonzero(known.share, axis=1)
    assert (share[:, lowest] >= even / (1 + even) - 1e-12).all() and (known.share[:, lowest] < even).any()
    others = np.arange(len(pooling_index.groups)) != lowest
    before, after = (s[:, others] / s[:, others].sum(axis=1, keepdims=True) for s in (known.share, share))
    np.testing.assert_allclose(after, before, atol=1e-12)


def test_a_picture_has_no_room_for_molecules_much_larger_than_itself(
    pooling_index: "SearchIndex", images: torch.Tensor
) -> None:
    extent = np.array([group.dmax_angstrom for group in pooling_index.groups])
    side = np.sort(extent)[1:3].mean() / 1.2  # in A: room for two of the groups
    cropped = images[:, :60, :60]
    found = propose_together(pooling_index, cropped, side / 60)
    assert set(np.flatnonzero(found.share.sum(0))) <= set(np.flatnonzero(extent <= side * 1.2))
    assert found.share.sum(1) == pytest.approx(np.ones(len(images)))
    nothing_fits = propose_together(pooling_index, cropped, extent.min() / 1.3 / 60)
    assert nothing_fits.share.sum(1) == pytest.approx(np.ones(len(images)))
