"""Sets that hold the right group as often as promised."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emsearch.search.undecided import COVERAGE, conformal_mass, mass_before, undecided


@given(st.lists(st.floats(0.01, 1.0), min_size=1, max_size=30), st.floats(0.0, 1.0))
def test_a_group_is_in_the_set_where_the_mass_before_it_is_small(weights: list[float], mass: float) -> None:
    probability = np.array(weights) / sum(weights)
    among = undecided(probability, mass).tolist()
    assert among[0] == int(probability.argmax())
    for k in range(len(probability)):
        before = mass_before(probability, k)
        if abs(before - mass) > 1e-9:
            assert (k in among) == (before < mass)


def test_a_group_that_is_not_there_has_everything_before_it() -> None:
    assert mass_before(np.array([0.5, 0.2]), -1) == 1.0


@pytest.mark.parametrize("sharpness", [0.3, 1.0, 3.0])
def test_the_coverage_holds_however_wrong_the_probabilities_are(sharpness: float) -> None:
    rng = np.random.default_rng(3)

    def draw(n: int) -> list[tuple[np.ndarray[tuple[int], np.dtype[np.float64]], int]]:
        drawn = []
        for _ in range(n):
            true = rng.dirichlet(np.full(12, 0.3))
            said = true**sharpness
            drawn.append((said / said.sum(), int(rng.choice(12, p=true))))
        return drawn

    mass = conformal_mass([mass_before(said, right) for said, right in draw(500)])
    held = [right in undecided(said, mass) for said, right in draw(2000)]
    assert np.mean(held) == pytest.approx(COVERAGE, abs=0.025)


def test_few_images_promise_nothing() -> None:
    assert conformal_mass([0.0] * 10) == 1.0
