"""Many images of one unknown: their log-likelihoods add up to one posterior, "none of these" among the hypotheses."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emsearch.evidence.likelihood import JUNK_SHARE, likelihood_ratios, prior_of, softened

__all__ = ["AS_JUDGED", "SETTLED", "SHARPNESS", "SetPosterior", "set_posterior"]

Floats = NDArray[np.float64]

SETTLED = 0.95
"""The probability at which a set counts as settled."""

AS_JUDGED = (1.0,)
"""The sharpness of shares that are calibrated for the images at hand."""

SHARPNESS = (*AS_JUDGED, 0.7, 0.5, 0.35, 0.25)
"""How sharply images may tell groups apart, as a share of how sharply they say they do."""

_AS_JUDGED_CHANCE = 0.9


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
    sharpness : float
        The one of those asked for under which the likeliest hypothesis explains the images best.
    """

    probability: Floats
    none: float
    images: int
    speaking: int
    images_to_settle: int | None
    sharpness: float

    @property
    def order(self) -> NDArray[np.int64]:
        """Groups (g,), the likeliest first."""
        return np.asarray(np.argsort(-self.probability, kind="stable"))


def set_posterior(
    log_share: NDArray[np.floating],
    *,
    junk_share: float = JUNK_SHARE,
    sharpness: Sequence[float] = SHARPNESS,
) -> SetPosterior:
    """Add up what images (n, g + 1) of one unknown say.

    Images that claim to tell groups apart more sharply than they can contradict each other, and "none of these", which
    is left alone, would win. So the sharpness of all of them is a nuisance parameter that is summed over.

    Parameters
    ----------
    log_share : (n, g + 1)
        As `likelihood_ratios` takes them.
    junk_share : float
        How often an image of the set is of something else.
    sharpness : floats
        The values that are summed over, the first of them with a prior of 0.9 where there are several.
    """
    gains = [np.log(likelihood_ratios(softened(log_share, s), junk_share)) for s in sharpness]
    prior = np.log(prior_of(gains[0].shape[1] - 1)) + np.log(_chances(len(sharpness)))[:, None]
    totals = prior + np.stack([gain.sum(0) for gain in gains])
    total = np.logaddexp.reduce(totals, axis=0)
    chance = np.exp(total - total.max())
    chance /= chance.sum()
    best = int(np.argmax(chance))
    fitting = int(totals[:, best].argmax())
    gain = gains[fitting]
    others = np.delete(gain, best, axis=1)
    return SetPosterior(
        probability=chance[:-1],
        none=float(chance[-1]),
        images=len(gain),
        speaking=int((gain[:, best] > others.max(1, initial=-np.inf)).sum()),
        images_to_settle=_to_settle(gain, total, best),
        sharpness=sharpness[fitting],
    )


def _chances(values: int) -> Floats:
    """Return the prior (values,) of each sharpness."""
    if values == 1:
        return np.ones(1)
    return np.array([_AS_JUDGED_CHANCE, *[(1 - _AS_JUDGED_CHANCE) / (values - 1)] * (values - 1)])


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
