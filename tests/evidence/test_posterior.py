"""What many images of one unknown say together."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from emsearch.evidence.likelihood import likelihood_ratios, prior_of, softened
from emsearch.evidence.posterior import AS_JUDGED, SETTLED, set_posterior

GROUPS = 12


def draw_shares(rng: np.random.Generator, truth: NDArray[np.int64], clarity: float) -> NDArray[np.float64]:
    """Draw images whose log-likelihoods have unit-variance noise of equal covariance: their posteriors are calibrated.

    Of hypothesis k the scores are normal about clarity x e_k, so that the likelihood ratios are exp(clarity x score).
    """
    score = rng.standard_normal((len(truth), GROUPS + 1))
    score[np.arange(len(truth)), truth] += clarity
    logit = clarity * score + np.log(prior_of(GROUPS))
    logit -= logit.max(1, keepdims=True)
    return np.asarray(logit - np.log(np.exp(logit).sum(1, keepdims=True)))


def draw_truths(rng: np.random.Generator, sets: int) -> NDArray[np.int64]:
    return rng.choice(GROUPS + 1, size=sets, p=prior_of(GROUPS))


@given(st.integers(0, 1000), st.integers(1, 20))
def test_probabilities_sum_to_one_in_any_order_of_images(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    shares = draw_shares(rng, np.full(n, 3), 1.0)
    found, again = set_posterior(shares), set_posterior(shares[rng.permutation(n)])
    assert found.probability.sum() + found.none == pytest.approx(1)
    np.testing.assert_allclose(found.probability, again.probability, atol=1e-12)
    assert found.speaking == again.speaking <= n


def test_an_image_that_says_nothing_changes_nothing() -> None:
    shares = draw_shares(np.random.default_rng(1), np.full(4, 3), 1.5)
    more = np.concatenate([shares, np.log(prior_of(GROUPS))[None]])
    np.testing.assert_allclose(set_posterior(shares).probability, set_posterior(more).probability, atol=1e-12)


def test_one_image_alone_keeps_its_shares() -> None:
    shares = draw_shares(np.random.default_rng(2), np.array([3]), 1.5)
    found = set_posterior(shares, junk_share=0.0, sharpness=AS_JUDGED)
    np.testing.assert_allclose([*found.probability, found.none], np.exp(shares[0]), atol=1e-12)


@pytest.mark.parametrize("images", [10, 30, 100])
def test_images_that_are_too_sure_do_not_make_a_set_unknown(images: int) -> None:
    right, unknown = [], []
    for seed in range(20):
        shares = softened(draw_shares(np.random.default_rng(seed), np.full(images, 3), 0.9), 4.0)
        found = set_posterior(shares)
        right.append(int(found.order[0]) == 3)
        unknown.append((set_posterior(shares, sharpness=AS_JUDGED).none, found.none))
    assert np.mean(right) >= {10: 0.6, 30: 0.9, 100: 1.0}[images]
    before, after = np.mean(unknown, axis=0)
    assert after < 0.05 + before / 3


def test_the_sharpness_of_a_set_is_found() -> None:
    shares = draw_shares(np.random.default_rng(4), np.full(100, 3), 0.9)
    assert set_posterior(shares).sharpness == 1.0
    assert set_posterior(softened(shares, 4.0)).sharpness < 0.5


def test_softened_shares_keep_what_all_groups_hold() -> None:
    shares = draw_shares(np.random.default_rng(5), np.full(6, 3), 0.9)
    found = np.exp(softened(shares, 0.3))
    np.testing.assert_allclose(found.sum(1), 1)
    np.testing.assert_allclose(found[:, -1], np.exp(shares[:, -1]))
    np.testing.assert_allclose(softened(softened(shares, 0.5), 2.0), shares, atol=1e-9)


def test_no_single_image_rules_a_group_out() -> None:
    shares = draw_shares(np.random.default_rng(3), np.full(9, 3), 2.5)
    liar = np.full((1, GROUPS + 1), -300.0)
    liar[0, 7] = 0.0
    assert int(set_posterior(np.concatenate([shares, liar])).order[0]) == 3


@pytest.mark.parametrize("images", [1, 3, 10, 30])
def test_the_stated_probability_is_how_often_it_is_right(images: int) -> None:
    rng = np.random.default_rng(images)
    stated, right = [], []
    for truth in draw_truths(rng, 800):
        found = set_posterior(draw_shares(rng, np.full(images, truth), 0.8), junk_share=0.0)
        chance = np.array([*found.probability, found.none])
        stated.append(chance.max())
        right.append(int(chance.argmax()) == truth)
    assert np.mean(stated) == pytest.approx(np.mean(right), abs=0.04)


def test_the_images_that_are_said_to_be_missing_settle_it() -> None:
    rng = np.random.default_rng(5)
    ratios = []
    for _ in range(60):
        shares = draw_shares(rng, np.full(200, 3), 1.0)
        said = set_posterior(shares[:6]).images_to_settle
        enough = next(n for n in range(1, 200) if set_posterior(shares[:n]).probability[3] >= SETTLED)
        if said and enough > 6 and int(set_posterior(shares[:6]).order[0]) == 3:
            ratios.append((6 + said) / enough)
    assert len(ratios) > 5
    assert 0.5 < np.median(ratios) < 2


def test_nothing_is_missing_where_it_is_settled_and_junk_settles_nothing() -> None:
    rng = np.random.default_rng(6)
    assert set_posterior(draw_shares(rng, np.full(40, 3), 2.0)).images_to_settle == 0
    even = np.tile(np.log(prior_of(GROUPS)), (5, 1))
    assert set_posterior(even).images_to_settle is None
    assert set_posterior(draw_shares(rng, np.full(40, GROUPS), 1.5)).none > 0.9


def test_ratios_average_to_one_under_the_prior() -> None:
    shares = draw_shares(np.random.default_rng(7), np.full(5, 2), 1.0)
    np.testing.assert_allclose(likelihood_ratios(shares, 0.1) @ prior_of(GROUPS), 1.0)
