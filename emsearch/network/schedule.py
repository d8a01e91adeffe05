"""Learning rate, image size and noise over the course of training."""

import math

__all__ = ["box_at", "learning_rate_at", "lowest_snr_at"]


def learning_rate_at(progress: float, peak: float, warmup: float) -> float:
    """Return the rate at a share of the run: linear warm-up, then a cosine to a hundredth of the peak.

    Loshchilov and Hutter, SGDR, ICLR 2017.

    >>> [round(learning_rate_at(p, 1.0, 0.1), 3) for p in (0.05, 0.1, 1.0)]
    [0.5, 1.0, 0.01]
    """
    if progress < warmup:
        return peak * progress / warmup
    fall = min(1.0, (progress - warmup) / (1 - warmup))
    return peak * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * fall)))


def box_at(progress: float, stages: tuple[tuple[float, int], ...]) -> int:
    """Return the image size in pixels at a share of the run.

    >>> [box_at(p, ((0.5, 32), (0.5, 64))) for p in (0.0, 0.49, 0.5, 1.0)]
    [32, 32, 64, 64]
    """
    end = 0.0
    for share, box in stages:
        end += share
        if progress < end:
            return box
    return stages[-1][1]


def lowest_snr_at(progress: float, start: float, end: float, share: float) -> float:
    """Return the least signal-to-noise ratio drawn at a share of the run.

    It goes from ``start`` to ``end`` over the first ``share`` of the run, evenly in the logarithm.

    >>> [round(lowest_snr_at(p, 10.0, 0.1, 0.5), 2) for p in (0.0, 0.25, 0.5, 1.0)]
    [10.0, 1.0, 0.1, 0.1]
    """
    done = min(1.0, progress / share) if share > 0 else 1.0
    return float(start ** (1 - done) * end**done)
