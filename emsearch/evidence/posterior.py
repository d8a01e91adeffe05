"""Many images of one unknown: their log-likelihoods add up to one posterior, "none of these" among the hypotheses."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emsearch.evidence.likelihood import JUNK_SHARE, likelihood_ratios, prior_of

__all__ = ["SETTLED", "SetPosterior", "set_posterior"]

Floats = NDArray[np.float64]

SETTLED = 0.95
"""The probability at which a set counts as settled."""


@dataclass(frozen=True, slots=True)
class SetPosterior:
    """What n images of one unknown say together.

    Attributes
    ----------
    probability : float64 (g,)
        Of each group.
    none : float
        Of "none of these".
    images : int
        n.
    speaking : int
        Images that by themselves speak for the likeliest hypothesis against each of the others.
    images_to_settle : int or None
        How many more such images are expected until the likeliest hypothesis holds `SETTLED`; 0 where it does, None where
        the images do not speak for it on average.
    """

    probability: Floats
    none: float
    images: int
    speaking: int
    images_to_settle: int | None

    @property
    def order(self) -> NDArray[np.int64]:
        """Groups (g,), the likeliest first."""
        return np.asarray(np.argsort(-self.probability, kind="stable"))


def set_posterior(
    log_share: NDArray[np.floating], *, junk_share: float = JUNK_SHARE, temper: float = 1.0
) -> SetPosterior:
    """Add up what images (n, g + 1) of one unknown say.

    Parameters
    ----------
    log_share : (n, g + 1)
        As `likelihood_ratios` takes them.
    junk_share : float
        How often an image of the set is of something else.
    temper : float
        Multiplies the sum: below 1 where the images share faults and are no independent witnesses.
    """
    gain = temper * np.log(likelihood_ratios(log_share, junk_share))
    total = np.log(prior_of(gain.shape[1] - 1)) + gain.sum(0)
    chance = np.exp(total - total.max())
    chance /= chance.sum()
    best = int(np.argmax(chance))
    others = np.delete(gain, best, axis=1)
    return SetPosterior(
        probability=chance[:-1],
        none=float(chance[-1]),
        images=len(gain),
        speaking=int((gain[:, best] > others.max(1, initial=-np.inf)).sum()),
        images_to_settle=_to_settle(gain, total, best),
    )


def _to_settle(gain: Floats, total: Floats, best: int) -> int | None:
    """Return how many more images the likeliest hypothesis needs, at the mean rate of those that are there.

    Against each rival the log-odds grow by their mean; the rivals' odds together must fall below those of `SETTLED`.
    """
    lead = np.delete(total[best] - total, best)
    if not len(gain) or _held(lead) >= SETTLED:
        return 0 if len(gain) else None
    rate = np.delete((gain[:, [best]] - gain).mean(0), best)
    if rate.min() <= 0:
        return None
    most = math.ceil(float(((_log_odds(SETTLED) + math.log(len(lead)) - lead) / rate).max()))
    low, high = 0, max(1, most)
    while high - low > 1:  # what is held grows with the number of images
        middle = (low + high) // 2
        low, high = (low, middle) if _held(lead + middle * rate) >= SETTLED else (middle, high)
    return high


def _held(lead: Floats) -> float:
    return float(1 / (1 + np.exp(-lead).sum()))


def _log_odds(probability: float) -> float:
    return math.log(probability / (1 - probability))
