from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from emsearch.evaluation.simulated import CRYO, STAIN, draw_images, draw_subjects
from emsearch.evaluation.subjects import STREAM, Subject, SubjectModels
from emsearch.imaging.rotations import healpix_directions
from emsearch.search.library import StructureLibrary
from emsearch.shapes.rotations import quaternions_to_matrices
from emsearch.structures.beads import BeadModel
from emsearch_index.errors import UsageError

if TYPE_CHECKING:
    from emsearch.search.engine import SearchIndex


def test_the_seed_alone_decides(pooling_index: "SearchIndex") -> None:
    first, again = (draw_images(pooling_index, range(5), STAIN, 6, seed=4) for _ in range(2))
    other = draw_images(pooling_index, range(5), STAIN, 6, seed=5)
    assert torch.equal(first.images, again.images)
    assert first.group.tolist() == again.group.tolist()
    assert not torch.equal(first.images, other.images)
    assert not np.allclose(first.parameters.quaternion, other.parameters.quaternion)


def test_noise_levels_share_everything_but_the_noise(pooling_index: "SearchIndex") -> None:
    loud, quiet = (draw_images(pooling_index, range(5), STAIN, 6, seed=4, snr=snr) for snr in (0.1, 10.0))
    assert set(loud.parameters.snr.tolist()) == {np.float32(0.1)}
    np.testing.assert_array_equal(loud.parameters.quaternion, quiet.parameters.quaternion)
    np.testing.assert_array_equal(loud.parameters.fill, quiet.parameters.fill)
    assert loud.group.tolist() == quiet.group.tolist()
    assert not torch.equal(loud.images, quiet.images)


def test_infinite_snr_is_free_of_noise(pooling_index: "SearchIndex") -> None:
    clean, nearly = (draw_images(pooling_index, range(5), STAIN, 4, seed=4, snr=snr) for snr in (np.inf, 1e8))
    assert torch.isfinite(clean.images).all()
    assert torch.allclose(clean.images, nearly.images, atol=2e-3)
    far = clean.images[:, :4, :4]
    assert float(far.std((1, 2)).max()) < 0.1  # an empty corner, in units of the signal's deviation


def test_only_the_groups_asked_for_at_their_class_pixel_size(pooling_index: "SearchIndex") -> None:
    drawn = draw_images(pooling_index, [1, 3], STAIN, 40, seed=0)
    assert set(drawn.group.tolist()) == {1, 3}
    assert {s.structure for s in drawn.subject} == {"blob1", "blob3"}
    assert drawn.images.shape == (40, 64, 64) and len(drawn) == 40
    assert set(drawn.pixel_size_angstrom.tolist()) == {4.5}


def test_stain_and_ice(pooling_index: "SearchIndex") -> None:
    assert draw_images(pooling_index, range(5), STAIN, 30, seed=0).parameters.stained.all()
    ice = draw_images(pooling_index, range(5), CRYO, 30, seed=0).parameters
    assert not ice.stained.any()
    assert 0 < (ice.voltage_kv > 0).mean() < 1


def test_bent_and_straight_differ_in_nothing_but_the_bend(pooling_index: "SearchIndex") -> None:
    straight = draw_images(pooling_index, range(5), STAIN, 4, seed=4, snr=np.inf)
    subjects = [Subject(g, f"blob{g}", 5.0) for g in range(5)]
    bent = draw_subjects(pooling_index, subjects, STAIN, 4, seed=4, snr=np.inf)
    assert bent.group.tolist() == straight.group.tolist()
    np.testing.assert_array_equal(bent.parameters.quaternion, straight.parameters.quaternion)
    pairs = [
        np.stack([a.numpy().ravel(), b.numpy().ravel()])
        for a, b in zip(bent.images, straight.images, strict=True)
    ]
    similar = [np.corrcoef(pair)[0, 1] for pair in pairs]
    assert min(similar) > 0.6 and max(similar) < 0.9999


def test_images_of_what_cannot_be_bent_are_left_out(
    pooling_index: "SearchIndex", blobs: dict[str, BeadModel]
) -> None:
    flat = replace(
        blobs["blob1"], centroid_angstrom=blobs["blob1"].centroid_angstrom * np.array([1, 1, 0], "f4")
    )
    models = SubjectModels(StructureLibrary({**blobs, "blob1": flat}))
    subjects = [Subject(g, f"blob{g}", 3.0) for g in (0, 1)]
    every = draw_images(pooling_index, [0, 1], STAIN, 8, seed=4)
    drawn = draw_subjects(pooling_index, subjects, STAIN, 8, seed=4, models=models)
    assert drawn.number.tolist() == np.flatnonzero(every.group == 0).tolist()
    np.testing.assert_array_equal(drawn.parameters.quaternion, every.parameters.quaternion[every.group == 0])
    with pytest.raises(UsageError, match="none of these 8 images can be drawn"):
        draw_subjects(pooling_index, subjects[1:], STAIN, 8, seed=4, models=models)


def test_random_numbers_are_not_those_of_training_or_validation() -> None:
    """They draw from (seed, 0, step, rank) and (seed, 1, step, 0); numpy reads a short key as padded with zeros."""
    ours = {str(np.random.default_rng((seed, STREAM)).bit_generator.state) for seed in range(5)}
    theirs = {
        str(np.random.default_rng((seed, stream, step, 0)).bit_generator.state)
        for seed in range(5)
        for stream in (0, 1)
        for step in range(20)
    }
    assert len(ours) == 5 and not ours & theirs


def test_directions_are_those_of_no_grid_and_of_no_training_image(pooling_index: "SearchIndex") -> None:
    """The index holds the HEALPix directions of nside 4, 8 or 16; training draws afresh for every step."""
    drawn = draw_images(pooling_index, range(5), STAIN, 200, seed=0)
    ours = quaternions_to_matrices(drawn.parameters.quaternion)[:, 2]
    training = [
        STAIN.sample(np.random.default_rng((0, 0, step, 0)), 200, np.full(200, 288.0)) for step in range(20)
    ]
    seen = np.concatenate([quaternions_to_matrices(p.quaternion)[:, 2] for p in training])
    for others in (healpix_directions(4), healpix_directions(8), healpix_directions(16), seen):
        distance = np.linalg.norm(ours[:, None] - others[None], axis=2)
        assert np.degrees(distance.min()) > 1e-3
