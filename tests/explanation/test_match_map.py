"""Where the matched pose wins."""

from typing import Any

import numpy as np
import pytest

from emsearch.explanation.maps import disc_mask, localisation, random_map, smoothed
from emsearch.explanation.match_map import Account, account, match_map, no_particle, poses_of
from emsearch.explanation.planted import projected_lobe
from emsearch.search.fitting import fit
from emsearch.search.image_model import ImageModel

PIXEL, BOX = 4.5, 64


def accounts(planted: Any, k: int) -> tuple[Account, Account]:
    whole, rest = planted.matches[k]
    target = planted.targets[k]
    return (
        account(target, planted.simulator("whole"), whole.pose),
        account(target, planted.simulator("rest"), rest.pose),
    )


def test_the_sum_is_the_difference_of_the_fits(planted_images: Any) -> None:
    for k, target in enumerate(planted_images.targets):
        hit, rival = accounts(planted_images, k)
        found = match_map(hit, rival)
        assert found.evidence.sum() == pytest.approx(found.log_likelihood, rel=1e-9)
        gains = []
        for name, matched in zip(("whole", "rest"), planted_images.matches[k], strict=True):
            model = ImageModel(target, planted_images.simulator(name))
            c = float(fit(model, poses_of(matched.pose), steps=0).correlation[0])
            gains.append(-0.5 * model.witnesses * np.log(1 - c**2))
        assert found.log_likelihood == pytest.approx(gains[0] - gains[1], rel=2e-3)


def test_over_no_particle_the_sum_is_the_gain_of_the_fit(planted_images: Any) -> None:
    target, (whole, _) = planted_images.targets[0], planted_images.matches[0]
    simulator = planted_images.simulator("whole")
    hit = account(target, simulator, whole.pose)
    found = match_map(hit, no_particle(target, simulator, whole.pose))
    gain = -0.5 * hit.witnesses * np.log(1 - whole.correlation**2)
    assert found.evidence.sum() == pytest.approx(gain, rel=2e-3)


def test_hit_and_rival_in_each_others_place_change_the_sign(planted_images: Any) -> None:
    hit, rival = accounts(planted_images, 1)
    forward, backward = match_map(hit, rival), match_map(rival, hit)
    np.testing.assert_allclose(forward.evidence, -backward.evidence, rtol=1e-12)
    np.testing.assert_allclose(forward.expected, backward.expected, rtol=1e-12)
    assert not match_map(hit, hit).evidence.any()


def test_the_planted_lobe_is_found(planted_images: Any) -> None:
    planted, parameters = planted_images.planted, planted_images.parameters
    lobes = projected_lobe(planted, parameters, PIXEL, BOX)
    n = len(lobes)
    bare = planted_images.simulator("whole").projections(
        np.zeros(n, np.int64), parameters, np.full(n, PIXEL), BOX
    )
    particle = (bare > 0.15 * bare.amax((1, 2), keepdim=True)).numpy()
    picture = disc_mask(BOX, BOX / 2)
    found, within, chance = [], [], []
    for k, lobe in enumerate(lobes):
        evidence = smoothed(match_map(*accounts(planted_images, k)).evidence, 1.5)
        found.append(localisation(evidence, lobe, picture))
        within.append(localisation(evidence, lobe, particle[k]))
        chance.append(localisation(random_map(BOX, 1.5, k), lobe, picture))
    assert np.mean(found) > 0.8 and np.mean(within) > 0.8
    assert 0.3 < np.mean(chance) < 0.7
