"""From calibrated shares to likelihoods, so that what several images say can be multiplied."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["JUNK_SHARE", "empty_ratios", "likelihood_ratios", "prior_of", "softened"]

Floats = NDArray[np.float64]

JUNK_SHARE = 0.02
"""How often an image may show something else than it is taken for: no single one rules a hypothesis in or out."""

_KNOWN = 0.5  # the prior of "in the database" that single images were judged under


def prior_of(groups: int) -> Floats:
    """Return the prior (groups + 1,) of single images: even odds of "none of these", the rest alike for all groups.

    >>> prior_of(2).tolist()
    [0.25, 0.25, 0.5]
    """
    return np.array([_KNOWN / groups] * groups + [1 - _KNOWN])


def likelihood_ratios(log_share: NDArray[np.floating], junk_share: float = JUNK_SHARE) -> Floats:
    """Return how much more likely each image is under each hypothesis than on the whole, (n, g + 1).

    Shares p are posteriors, so that p / prior is the likelihood over the image's marginal likelihood (Bayes). An image that
    is junk with probability e, and as likely then as any image is on the whole, has (1 - e) p / prior + e.

    Parameters
    ----------
    log_share : (n, g + 1)
        Logarithms of calibrated shares of n images, of g groups and of "none of these"; each row sums to one.
    junk_share : float
        In [0, 1).
    """
    shares = np.exp(np.asarray(log_share, np.float64))
    return np.asarray((1 - junk_share) * shares / prior_of(shares.shape[1] - 1) + junk_share)


def empty_ratios(log_share: NDArray[np.floating], log_particle: NDArray[np.floating]) -> Floats:
    """Return how much more likely each image is as noise, without a particle, than on the whole, (n,).

    Parameters
    ----------
    log_share : (n, g + 1)
        As `likelihood_ratios` takes them.
    log_particle : (n,)
        Logarithms of how much likelier each image is as a particle of one of the groups than as noise.

    >>> empty_ratios(np.log([[0.4, 0.1, 0.5]]), np.log([4.0])).tolist()
    [0.25]
    """
    groups = 1 - np.exp(np.asarray(log_share, np.float64)[:, -1])
    return np.asarray(groups / _KNOWN * np.exp(-np.asarray(log_particle, np.float64)))


def softened(log_share: NDArray[np.floating], sharpness: float) -> Floats:
    """Return logarithms of shares (n, g + 1) whose groups are told apart less sharply, or more above 1.

    The shares of the groups are raised to a power and scaled so that all of them together keep what they had; "none of
    these" stays.

    >>> np.exp(softened(np.log([[0.4, 0.1, 0.5]]), 0.5)).round(3).tolist()
    [[0.333, 0.167, 0.5]]
    """
    plain = np.asarray(log_share, np.float64)
    power = sharpness * plain[:, :-1]
    scale = np.logaddexp.reduce(plain[:, :-1], axis=1) - np.logaddexp.reduce(power, axis=1)
    return np.column_stack([power + scale[:, None], plain[:, -1]])
