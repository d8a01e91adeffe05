"""What a sample is made of: fractions of groups and of "none of these", by expectation maximisation.

Each image has a fixed likelihood under each group; only the fractions are fitted (Dempster, Laird and Rubin, J. R. Stat.
Soc. B 39:1, 1977). Likelihoods from calibrated shares already say how often one group is taken for another, so that
look-alikes do not get a part of each other's images beyond what noise gives them; groups whose part the images do not
demand are left out by the Bayesian information criterion (Schwarz, Ann. Stat. 6:461, 1978).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emsearch.evidence.likelihood import likelihood_ratios

__all__ = ["Component", "Mixture", "fit_mixture"]

Floats = NDArray[np.float64]

_ROUNDS = 400
_CONVERGED = 1e-6  # change of any fraction in a round
_SAMPLES = 200
_SAMPLE_ROUNDS = 60
_INTERVAL = (2.5, 97.5)


@dataclass(frozen=True, slots=True)
class Component:
    """A group (None: none of the index's) and its fraction of the images, with its 95 % interval."""

    group: int | None
    fraction: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Mixture:
    """The components, the largest fraction first, and whose each image is: ``responsibility`` (n, components)."""

    components: tuple[Component, ...]
    responsibility: Floats
    log_likelihood: float


def fit_mixture(log_share: NDArray[np.floating], seed: int = 0) -> Mixture:
    """Fit the fractions of n images.

    Parameters
    ----------
    log_share : (n, g + 1)
        As `likelihood_ratios` takes them. Images of nothing count as "none of these", so that none is junk besides.
    seed : int
        Of the bootstrap over images that makes the intervals.
    """
    ratio = likelihood_ratios(log_share, junk_share=1e-9)
    none = ratio.shape[1] - 1
    kept = _demanded(ratio, none)
    part = ratio[:, kept]
    fraction = _fractions(part, np.full(len(kept), 1 / len(kept)), np.ones((1, len(part))), _ROUNDS)[0]
    low, high = _interval(part, fraction, seed)
    order = np.argsort(-fraction, kind="stable")
    joint = part[:, order] * fraction[order]
    components = tuple(
        Component(
            None if kept[k] == none else int(kept[k]), float(fraction[k]), float(low[k]), float(high[k])
        )
        for k in order.tolist()
    )
    total = joint.sum(1, keepdims=True)
    return Mixture(components, joint / total, float(np.log(total).sum()))


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


def _demanded(ratio: Floats, none: int) -> NDArray[np.int64]:
    """Return the groups (k,) that the images demand, and ``none`` in any case."""
    n, every = ratio.shape
    once = np.ones((1, n))
    fraction = _fractions(ratio, np.full(every, 1 / every), once, _ROUNDS)[0]
    kept = np.flatnonzero((fraction * n > 0.5) | (np.arange(every) == none))
    while True:
        part = ratio[:, kept]
        fraction = _fractions(part, np.full(len(kept), 1 / len(kept)), once, _ROUNDS)[0]
        whole = _log_likelihood(part, fraction)
        weakest = [k for k in np.argsort(fraction, kind="stable").tolist() if kept[k] != none]
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
