"""Confidence intervals of shares."""

import math

__all__ = ["wilson_interval"]

_Z95 = 1.959964


def wilson_interval(right: int, total: int) -> tuple[float, float]:
    """Return the 95 % score interval of a share (E. B. Wilson, J. Am. Stat. Assoc. 22:209, 1927).

    >>> [round(x, 3) for x in wilson_interval(70, 100)]
    [0.604, 0.781]
    """
    if total == 0:
        return 0.0, 1.0
    p, z2 = right / total, _Z95**2
    middle = (p + z2 / (2 * total)) / (1 + z2 / total)
    half = _Z95 / (1 + z2 / total) * math.sqrt(p * (1 - p) / total + z2 / (4 * total**2))
    # Rounding must not leave the share itself outside.
    return (middle - half if right > 0 else 0.0), (middle + half if right < total else 1.0)
