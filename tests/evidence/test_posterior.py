"""What many images of one unknown say together."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from emsearch.evidence.likelihood import likelihood_ratios, prior_of, softened
from emsearch.evidence.posterior import AS_JUDGED, CORRELATION, SETTLED, set_posterior

GROUPS = 12


def draw_shares(
    rng: np.random.Generator, truth: NDArray[np.int64], clarity: float, correlation: float = 0.0
) -> NDArray[np.float64]:
    """Draw images whose log-likelihoods have unit-variance noise of equal covariance: their posteriors are calibrated.

    Of hypothesis k the scores are normal about clarity x e_k, so that the likelihood ratios are exp(clarity x score). A
    part of the noise is the same in all images.
    """
    own, shared = rng.standard_normal((len(truth), GROUPS + 1)), rng.standard_normal(GROUPS + 1)
    score = np.sqrt(1 - correlation) * own + np.sqrt(correlation) * shared
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


@given(st.integers(0, 1000), st.integers(1, 40))
def test_a_clear_image_is_not_outweighed_by_many_that_say_little(seed: int, more: int) -> None:
    clear = draw_shares(np.random.default_rng(seed), np.array([3]), 3.0)
    best = int(clear[0, :-1].argmax())
    little = softened(clear, 0.1)
    little[:, -1] = np.log(prior_of(GROUPS)[-1])
    little[:, :-1] += (
        np.log(prior_of(GROUPS)[:-1].sum()) - np.logaddexp.reduce(little[:, :-1], axis=1)[:, None]
    )
    alone = set_posterior(clear, sharpness=AS_JUDGED)
    together = set_posterior(np.concatenate([clear, *[little] * more]), sharpness=AS_JUDGED)
    assert together.probability[best] > alone.probability[best] - 1e-9


@pytest.mark.parametrize("rest", ["another group", "none of these", "all groups"])
def test_images_that_agree_are_surer_together(rest: str) -> None:
    share = np.full(GROUPS + 1, 1e-9)
    share[{"another group": [5], "none of these": [GROUPS], "all groups": list(range(GROUPS))}[rest]] = 0.1
    share[: GROUPS if rest == "all groups" else 0] /= GROUPS
    share[3] += 0.9
    held = [set_posterior(np.log(np.tile(share, (n, 1)))).probability[3] for n in (1, 2, 3, 10, 30, 100)]
    assert (np.diff(held) > 0).all()
    assert held[4] > 0.99


def test_one_image_alone_keeps_its_shares() -> None:
    shares = draw_shares(np.random.default_rng(2), np.array([3]), 1.5)
    found = set_posterior(shares, junk_share=0.0, sharpness=AS_JUDGED)
    np.testing.assert_allclose([*found.probability, found.none], np.exp(shares[0]), atol=1e-12)


@pytest.mark.parametrize("images", [10, 30, 100])
def test_images_that_are_too_sure_do_not_make_a_set_unknown(images: int) -> None:
    right, unknown = [], []
    for seed in range(20):
        shares = softened(draw_shares(np.random.default_rng(seed), np.full(images, 3), 0.9), 4.0)
        found = set_posterior(shares, correlation=0.0)  # as they were drawn
        right.append(int(found.order[0]) == 3)
        unknown.append((set_posterior(shares, sharpness=AS_JUDGED, correlation=0.0).none, found.none))
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


def stated_and_right(images: int, drawn: float, believed: float) -> tuple[float, float]:
    """Return the mean probability of the likeliest hypothesis, and how often it is right."""
    rng = np.random.default_rng(images)
    stated, right = [], []
    for truth in draw_truths(rng, 800):
        shares = draw_shares(rng, np.full(images, truth), 0.8, drawn)
        found = set_posterior(shares, junk_share=0.0, correlation=believed)
        chance = np.array([*found.probability, found.none])
        stated.append(chance.max())
        right.append(int(chance.argmax()) == truth)
    return float(np.mean(stated)), float(np.mean(right))


@pytest.mark.parametrize("correlation", [0.0, CORRELATION])
@pytest.mark.parametrize("images", [1, 3, 10, 30, 100])
def test_the_stated_probability_is_how_often_it_is_right(images: int, correlation: float) -> None:
    stated, right = stated_and_right(images, correlation, correlation)
    assert stated == pytest.approx(right, abs=0.04)


def test_witnesses_that_share_their_faults_are_too_sure_where_they_are_believed_apart() -> None:
    stated, right = stated_and_right(30, CORRELATION, 0.0)
    assert stated > right + 0.15


def test_the_images_that_are_said_to_be_missing_settle_it() -> None:
    rng = np.random.default_rng(5)
    ratios = []
    for _ in range(60):
        shares = draw_shares(rng, np.full(200, 3), 1.0)
        said = set_posterior(shares[:6], correlation=0.0).images_to_settle
        enough = next(
            n for n in range(1, 200) if set_posterior(shares[:n], correlation=0.0).probability[3] >= SETTLED
        )
        if said and enough > 6 and int(set_posterior(shares[:6], correlation=0.0).order[0]) == 3:
            ratios.append((6 + said) / enough)
    assert len(ratios) > 5
    assert 0.5 < np.median(ratios) < 2


def test_as_many_images_as_are_said_to_be_missing_settle_it_and_not_one_less() -> None:
    missing = []
    for seed in range(30):
        shares = draw_shares(np.random.default_rng(seed), np.full(4, 3), 1.2)
        said = set_posterior(shares, sharpness=AS_JUDGED).images_to_settle
        missing.append(said or 0)
        for times in range(1, 40 if said is not None else 0):
            found = set_posterior(np.tile(shares, (times, 1)), sharpness=AS_JUDGED)
            held = max(found.none, found.probability.max())
            assert (held >= SETTLED) == (4 * times >= 4 + missing[-1])
    assert sum(said > 0 for said in missing) > 3


def test_images_that_share_their_faults_may_never_settle_it() -> None:
    share = np.full((10, GROUPS + 1), 0.5 / GROUPS)
    share[:, 3] *= 3.0
    share[:, -1] = 0.5
    log_share = np.log(share / share.sum(1, keepdims=True))
    assert int(set_posterior(log_share).order[0]) == 3
    assert set_posterior(log_share).images_to_settle is None
    assert set_posterior(log_share, correlation=0.0).images_to_settle == 0


def test_nothing_is_missing_where_it_is_settled_and_junk_settles_nothing() -> None:
    rng = np.random.default_rng(6)
    assert set_posterior(draw_shares(rng, np.full(40, 3), 2.0)).images_to_settle == 0
    even = np.tile(np.log(prior_of(GROUPS)), (5, 1))
    assert set_posterior(even).images_to_settle is None
    assert set_posterior(draw_shares(rng, np.full(40, GROUPS), 1.5)).none > 0.9


def test_ratios_average_to_one_under_the_prior() -> None:
    shares = draw_shares(np.random.default_rng(7), np.full(5, 2), 1.0)
    np.testing.assert_allclose(likelihood_ratios(shares, 0.1) @ prior_of(GROUPS), 1.0)
