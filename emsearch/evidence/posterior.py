"""Many images of one unknown: their log-likelihoods add up to one posterior, "none of these" among the hypotheses.

Images of one unknown are no independent witnesses: what the image model lacks is lacking in all of them, and misleads them
alike. Suppose that what image i says of each hypothesis is off by noise that correlates by r with that of each other
image, and that it would tell the right one by c_i standard deviations. Then the sum of their log-likelihood ratios has
the mean sum(c_i^2) and the variance (1 - r) sum(c_i^2) + r sum(c_i)^2, and is worth 1 / (1 + r (m - 1)) of what it says,
with m = sum(c_i)^2 / sum(c_i^2) images that count: n where all are as clear (Kish, Survey Sampling, 1965, has the same
number for unequal weights). So n images count for n / (1 + r (n - 1)), and no number of them for more than 1 / r.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emsearch.evidence.likelihood import JUNK_SHARE, likelihood_ratios, prior_of, softened

__all__ = ["AS_JUDGED", "CORRELATION", "SETTLED", "SHARPNESS", "SetPosterior", "set_posterior"]

Floats = NDArray[np.float64]

SETTLED = 0.95
"""The probability at which a set counts as settled."""

AS_JUDGED = (1.0,)
"""The sharpness of shares that are calibrated for the images at hand."""

SHARPNESS = (*AS_JUDGED, 0.7, 0.5, 0.35, 0.25)
"""How sharply images may tell groups apart, as a share of how sharply they say they do."""

_AS_JUDGED_CHANCE = 0.9

CORRELATION = 0.2
"""How far what the images of one unknown get wrong is the same in all of them.

Chosen at SNR 0.1, where sets of images were surer of wrong groups the more images they had (docs/decisions/0009).
"""

_MOST_TO_SETTLE = 10**6  # what so many more images leave open stays open


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
        the images do not speak for it on average, or say too little for any number of them.
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
    correlation: float = CORRELATION,
) -> SetPosterior:
    """Add up what images (n, g + 1) of one unknown say.

    Images that claim to tell groups apart more sharply than they can contradict each other, and "none of these", which
    is left alone, would win. So the sharpness of all of them is a nuisance parameter that is summed over; how they
    contradict each other decides it, in which faults that they share have no part.

    Parameters
    ----------
    log_share : (n, g + 1)
        As `likelihood_ratios` takes them.
    junk_share : float
        How often an image of the set is of something else.
    sharpness : floats
        The values that are summed over, the first of them with a prior of 0.9 where there are several.
    correlation : float
        Of what the images get wrong; 0 for independent witnesses.
    """
    gains = [np.log(likelihood_ratios(softened(log_share, s), junk_share)) for s in sharpness]
    prior = np.log(prior_of(gains[0].shape[1] - 1))
    fits = np.log(_chances(len(sharpness)))[:, None] + prior + np.stack([gain.sum(0) for gain in gains])
    total = np.logaddexp.reduce(
        [
            np.logaddexp.reduce(fit) + _normalised(prior + _weight(gain, correlation) * gain.sum(0))
            for fit, gain in zip(fits, gains, strict=True)
        ],
        axis=0,
    )
    chance = np.exp(_normalised(total))
    best = int(np.argmax(chance))
    fitting = int(fits[:, best].argmax())
    gain = gains[fitting]
    others = np.delete(gain, best, axis=1)
    return SetPosterior(
        probability=chance[:-1],
        none=float(chance[-1]),
        images=len(gain),
        speaking=int((gain[:, best] > others.max(1, initial=-np.inf)).sum()),
        images_to_settle=_to_settle(gain, total, best, correlation),
        sharpness=sharpness[fitting],
    )


def _weight(gain: Floats, correlation: float, times: float = 1.0) -> float:
    """Return what the sum of images' log-likelihood ratios (n, g + 1) is worth, were there so many times as many of them.

    All of them are worth no less than the clearest one.
    """
    clarity = _clarity(gain)
    told = float((clarity**2).sum())
    if told == 0:
        return times
    counting = times * float(clarity.sum()) ** 2 / told
    return max(times / (1 + correlation * (counting - 1)), float((clarity**2).max()) / told)


def _clarity(gain: Floats) -> Floats:
    """Return by about how many standard deviations each image tells hypotheses apart, but for a common factor (n,).

    It is the root of the image's information: how far its posterior alone is from the prior (Kullback and Leibler).
    """
    prior = np.log(prior_of(gain.shape[1] - 1))
    alone = prior + gain
    alone = alone - np.logaddexp.reduce(alone, axis=1, keepdims=True)
    return np.asarray(np.sqrt(np.maximum((np.exp(alone) * (alone - prior)).sum(1), 0)))


def _normalised(total: Floats) -> Floats:
    """Return logarithms of probabilities that sum to one."""
    return np.asarray(total - np.logaddexp.reduce(total))


def _chances(values: int) -> Floats:
    """Return the prior (values,) of each sharpness."""
    if values == 1:
        return np.ones(1)
    return np.array([_AS_JUDGED_CHANCE, *[(1 - _AS_JUDGED_CHANCE) / (values - 1)] * (values - 1)])


def _to_settle(gain: Floats, total: Floats, best: int, correlation: float) -> int | None:
    """Return how many more images the likeliest hypothesis needs, if they say on average what those say that are there.

    The log-odds against each rival grow with the worth of all images; the rivals' odds together must fall below those of
    `SETTLED`.
    """
    lead = np.delete(total[best] - total, best)
    if not len(gain) or _held(lead) >= SETTLED:
        return 0 if len(gain) else None
    told = np.delete((gain[:, [best]] - gain).sum(0), best)
    now = _weight(gain, correlation)

    def settled_by(more: int) -> bool:
        worth = _weight(gain, correlation, 1 + more / len(gain)) - now
        return _held(lead + worth * told) >= SETTLED

    if told.min() <= 0 or not settled_by(_MOST_TO_SETTLE):
        return None
    low, high = 0, _MOST_TO_SETTLE
    while high - low > 1:  # what is held grows with the number of images
        middle = (low + high) // 2
        low, high = (low, middle) if settled_by(middle) else (middle, high)
    return high


def _held(lead: Floats) -> float:
    return float(1 / (1 + np.exp(-lead).sum()))
