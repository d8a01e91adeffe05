"""What a sample is made of: fractions of groups, of "none of these" and of noise, by expectation maximisation.

Each image has a fixed likelihood under each group; only the fractions are fitted (Dempster, Laird and Rubin, J. R. Stat.
Soc. B 39:1, 1977). Likelihoods from calibrated shares already say how often one group is taken for another, so that
look-alikes do not get a part of each other's images beyond what noise gives them. Groups whose part the images do not
demand are left out by the Bayesian information criterion (Schwarz, Ann. Stat. 6:461, 1978), and those that rest on so few
images that a resampled stack would do without them.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from emsearch.evidence.likelihood import empty_ratios, likelihood_ratios

__all__ = ["Component", "Mixture", "Other", "fit_mixture"]

Floats = NDArray[np.float64]

_ROUNDS = 400
_CONVERGED = 1e-6  # change of any fraction in a round
_NO_JUNK = 1e-9  # so that no image is impossible
_SAMPLES = 200
_SAMPLE_ROUNDS = 60
_INTERVAL = (2.5, 97.5)
_SEEN = 0.5  # images that a group must have at the lower end of its interval


Other = Literal["none of these", "no particle"]
"""What an image may show besides a group: a molecule that is none of them, or noise alone."""

_OTHERS: tuple[Other, ...] = ("none of these", "no particle")


@dataclass(frozen=True, slots=True)
class Component:
    """A group, by its number, or what is none, and its fraction of the images, with its 95 % interval."""

    shows: int | Other
    fraction: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Mixture:
    """The components, the largest fraction first, and whose each image is: ``responsibility`` (n, components)."""

    components: tuple[Component, ...]
    responsibility: Floats
    log_likelihood: float


def fit_mixture(
    log_share: NDArray[np.floating], log_particle: NDArray[np.floating], seed: int = 0
) -> Mixture:
    """Fit the fractions of n images.

    Parameters
    ----------
    log_share : (n, g + 1)
        As `likelihood_ratios` takes them. What is no group is a component, so that none is junk besides.
    log_particle : (n,)
        As `empty_ratios` takes them.
    seed : int
        Of the bootstrap over images that makes the intervals.
    """
    known = likelihood_ratios(log_share, junk_share=_NO_JUNK)
    ratio = np.column_stack([known, empty_ratios(log_share, log_particle) + _NO_JUNK])
    groups = known.shape[1] - 1
    kept = _demanded(ratio, groups)
    while True:
        part = ratio[:, kept]
        fraction = _fractions(part, np.full(len(kept), 1 / len(kept)), np.ones((1, len(part))), _ROUNDS)[0]
        low, high = _interval(part, fraction, seed)
        doubtful = (kept < groups) & (low * len(part) < _SEEN)
        if not doubtful.any():
            break
        kept = np.delete(kept, np.where(doubtful, fraction, np.inf).argmin())
    order = np.argsort(-fraction, kind="stable")
    joint = part[:, order] * fraction[order]
    components = tuple(
        Component(_shown(int(kept[k]), groups), float(fraction[k]), float(low[k]), float(high[k]))
        for k in order.tolist()
    )
    total = joint.sum(1, keepdims=True)
    return Mixture(components, joint / total, float(np.log(total).sum()))


def _shown(number: int, groups: int) -> int | Other:
    return number if number < groups else _OTHERS[number - groups]


def _fractions(part: Floats, start: Floats, weight: Floats, rounds: int) -> Floats:
    """Return the fractions (b, k) under b weightings (b, n) of images whose likelihoods are ``part`` (n, k)."""
    fraction = np.tile(start, (len(weight), 1))
    count = weight.sum(1, keepdims=True)
    for _ in range(rounds):
        mean = np.maximum(fraction @ part.T, 1e-300)
        new = fraction * ((weight / mean) @ part) / count
        moved = float(np.abs(new - fraction).max())
        fraction = new
        if moved < _CONVERGED:
            break
    return fraction


def _demanded(ratio: Floats, groups: int) -> NDArray[np.int64]:
    """Return the columns (k,) of the groups that the images demand, and of what is none in any case."""
    n, every = ratio.shape
    once = np.ones((1, n))
    fraction = _fractions(ratio, np.full(every, 1 / every), once, _ROUNDS)[0]
    kept = np.flatnonzero((fraction * n > 0.5) | (np.arange(every) >= groups))
    while True:
        part = ratio[:, kept]
        fraction = _fractions(part, np.full(len(kept), 1 / len(kept)), once, _ROUNDS)[0]
        whole = _log_likelihood(part, fraction)
        weakest = [k for k in np.argsort(fraction, kind="stable").tolist() if kept[k] < groups]
        if not weakest:
            return kept
        fewer = np.delete(kept, weakest[0])
        less = _fractions(ratio[:, fewer], np.full(len(fewer), 1 / len(fewer)), once, _ROUNDS)[0]
        if 2 * (whole - _log_likelihood(ratio[:, fewer], less)) >= np.log(n):
            return kept
        kept = fewer


def _log_likelihood(part: Floats, fraction: Floats) -> float:
    return float(np.log(np.maximum(part @ fraction, 1e-300)).sum())


def _interval(part: Floats, fraction: Floats, seed: int) -> tuple[Floats, Floats]:
    """Return the 95 % limits (k,) of the fractions, by bootstrap over images."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(_SAMPLES):
        weight = rng.multinomial(len(part), np.full(len(part), 1 / len(part))).astype(np.float64)
        found.append(_fractions(part, fraction, weight[None], _SAMPLE_ROUNDS)[0])
    low, high = np.percentile(found, _INTERVAL, axis=0)
    return low, high
