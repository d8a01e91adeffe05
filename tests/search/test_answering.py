"""From an image to hits, over an index whose embedding is the picture itself."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch import Tensor

from emsearch.imaging.parameters import clean_parameters
from emsearch.imaging.rotations import random_quaternions
from emsearch.search.answering import Reply, answer_image, answer_proposal
from emsearch.search.coarse_views import CoarseSettings
from emsearch.search.contrast import decide_contrast
from emsearch.search.matching import MatchingSettings
from emsearch.search.picture import posed_projection
from emsearch.search.proposal import propose
from emsearch.shapes.rotations import quaternions_to_matrices
from emsearch_index.errors import UsageError

if TYPE_CHECKING:
    from emsearch.search.engine import SearchIndex

PIXEL, SIDE = 3.0, 90
QUICK = MatchingSettings(coarse=CoarseSettings(nside=2), starts=1, steps=1)


@dataclass(frozen=True, slots=True)
class Particle:
    """An image (SIDE, SIDE) at 3 A a pixel, where the class has 4.5, its projection without noise, and its making."""

    image: Tensor
    projection: Tensor
    name: str
    quaternion: tuple[float, ...]
    shift_px: tuple[float, float]


def particle(index: "SearchIndex", structure: int, seed: int, snr: float = np.inf) -> Particle:
    rng = np.random.default_rng(seed)
    quaternion, shift = random_quaternions(rng, 1), rng.uniform(-4, 4, (1, 2))
    parameters = clean_parameters(quaternion, fill=0.8).with_values(shift_angstrom=shift * PIXEL, snr=snr)
    shot = index.simulator(index.structures).micrographs(
        np.array([structure]), parameters, np.array([PIXEL]), SIDE, seed
    )
    x, y = shift[0].tolist()
    return Particle(
        shot.micrographs[0], shot.projections[0], index.structures[structure], tuple(quaternion[0]), (x, y)
    )


@pytest.fixture(scope="module")
def answered(pooling_index: "SearchIndex") -> list[tuple[Particle, Reply]]:
    made = [particle(pooling_index, k, seed=70 + k, snr=10) for k in range(5)]
    return [(p, answer_image(pooling_index, p.image, PIXEL, top=5)) for p in made]


def test_the_right_structure_comes_first(answered: list[tuple[Particle, Reply]]) -> None:
    assert [reply.hits[0].representative for _, reply in answered] == [p.name for p, _ in answered]
    assert [hit.rank for hit in answered[0][1].hits] == [1, 2, 3, 4, 5]


def test_the_view_says_how_the_particle_lies_in_the_image_as_given(
    answered: list[tuple[Particle, Reply]], pooling_index: "SearchIndex"
) -> None:
    for p, reply in answered:
        view = reply.hits[0].view
        assert view is not None and view.structure == p.name and not view.mirror
        assert np.linalg.norm(view.quaternion) == pytest.approx(1)
        truth, found = quaternions_to_matrices(np.array([p.quaternion, view.quaternion]))
        assert np.degrees(np.arccos((np.trace(truth @ found.T) - 1) / 2)) < 10
        assert view.shift_px == pytest.approx(p.shift_px, abs=0.75)
        assert view.fill == pytest.approx(0.8, abs=0.15)
        again = posed_projection(pooling_index, reply.hits[0], SIDE, PIXEL)
        assert np.corrcoef(again.ravel(), p.projection.numpy().ravel())[0, 1] > 0.95


def test_all_probabilities_and_none_of_these_sum_to_one(
    answered: list[tuple[Particle, Reply]], pooling_index: "SearchIndex"
) -> None:
    for p, reply in answered:
        assert sum(hit.probability for hit in reply.hits) == pytest.approx(reply.in_database_probability)
        probabilities = [hit.probability for hit in reply.hits]
        assert probabilities == sorted(probabilities, reverse=True)
        short = answer_image(pooling_index, p.image, PIXEL, top=5, rerank=2, settings=QUICK)
        assert sum(hit.probability for hit in short.hits) == pytest.approx(short.in_database_probability)
        assert [hit.view is None for hit in short.hits] == [False] * 2 + [True] * 3


def test_without_reranking_the_network_decides(pooling_index: "SearchIndex") -> None:
    p = particle(pooling_index, 2, seed=72)
    proposal = propose(pooling_index, p.image, PIXEL)
    reply = answer_proposal(pooling_index, p.image, proposal, rerank=0)
    assert [hit.group for hit in reply.hits] == [
        pooling_index.groups[c.group].id for c in proposal.candidates
    ]
    assert all(hit.view is None for hit in reply.hits)
    shares = [c.share * reply.in_database_probability for c in proposal.candidates]
    assert [hit.probability for hit in reply.hits] == pytest.approx(shares)


def test_noise_at_unit_signal_leaves_most_answers_right(pooling_index: "SearchIndex") -> None:
    made = [particle(pooling_index, k % 5, seed=60 + k, snr=1) for k in range(10)]
    replies = [answer_image(pooling_index, p.image, PIXEL, top=1) for p in made]
    assert sum(r.hits[0].representative == p.name for p, r in zip(made, replies, strict=True)) >= 9


def test_proposal_shares_sum_to_one_and_fall(pooling_index: "SearchIndex") -> None:
    for pixel in (PIXEL, None):
        proposal = propose(pooling_index, particle(pooling_index, 1, seed=7).image, pixel)
        shares = [c.share for c in proposal.candidates]
        assert sum(shares) == pytest.approx(1)
        assert shares == sorted(shares, reverse=True)
        assert len({c.group for c in proposal.candidates}) == len(shares)
        assert proposal.similarity == max(c.similarity for c in proposal.candidates)


def test_without_pixel_size_a_scale_near_the_true_one_wins(pooling_index: "SearchIndex") -> None:
    found = []
    for k in range(5):
        best = propose(pooling_index, particle(pooling_index, k, seed=70 + k).image, None).candidates[0]
        found.append(best.sampling.image_pixel_size_angstrom)
    assert np.median(found) == pytest.approx(PIXEL, rel=0.35)


def test_contrast_is_decided_by_what_the_index_knows(pooling_index: "SearchIndex") -> None:
    images = torch.stack([particle(pooling_index, k, seed=70 + k, snr=2).image for k in range(3)])
    dark = -images
    assert decide_contrast(pooling_index, images, PIXEL, "auto") == "bright"
    assert decide_contrast(pooling_index, dark, PIXEL, "auto") == "dark"
    assert decide_contrast(pooling_index, dark, PIXEL, "bright") == "bright"
    with pytest.raises(UsageError, match="'grey'"):
        decide_contrast(pooling_index, images, PIXEL, "grey")


def test_offset_and_scale_of_the_grey_values_do_not_matter(pooling_index: "SearchIndex") -> None:
    p = particle(pooling_index, 4, seed=74)
    plain = answer_image(pooling_index, p.image, PIXEL, top=1, settings=QUICK)
    other = answer_image(pooling_index, 500 * p.image + 30000, PIXEL, top=1, settings=QUICK)
    assert other.hits[0].group == plain.hits[0].group
    assert other.hits[0].probability == pytest.approx(plain.hits[0].probability, abs=0.01)
    assert torch.isfinite(p.image).all()


def test_noise_alone_is_no_particle(pooling_index: "SearchIndex") -> None:
    noise = torch.randn(SIDE, SIDE, generator=torch.Generator().manual_seed(5))
    reply = answer_image(pooling_index, noise, PIXEL)
    assert reply.particle_probability < 0.5
    assert reply.in_database_probability < reply.particle_probability


def test_a_clear_particle_is_one(answered: list[tuple[Particle, Reply]]) -> None:
    assert min(reply.particle_probability for _, reply in answered) > 0.99
