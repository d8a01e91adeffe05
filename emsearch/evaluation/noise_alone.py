"""Images of noise alone: how often is there a particle, or even a molecule of the index, in nothing?"""

from collections.abc import Sequence
from dataclasses import dataclass

from emsearch.evaluation.intervals import wilson_interval
from emsearch.evaluation.simulated import BOXES, STAIN, draw_images, in_order_of_pixel_size
from emsearch.search.answering import answer_image
from emsearch.search.engine import SearchIndex
from emsearch.search.matching import MatchingSettings

__all__ = ["NOISE_SNR", "NoiseAnswer", "NoiseScore", "ask_noise", "noise_score"]

NOISE_SNR = 1e-6
"""At which nothing is left of a particle."""

_SEED_OF_NOISE = 1_000_003  # other noise than that of the calibration


@dataclass(frozen=True, slots=True)
class NoiseAnswer:
    """What one image of noise alone was answered with, by the index's own calibration."""

    in_database_probability: float
    particle_probability: float


@dataclass(frozen=True, slots=True)
class NoiseScore:
    """Shares of images of noise alone that are taken for molecules of the index, or for particles, at 0.5.

    Intervals are Wilson's, 95 %.
    """

    images: int
    false_accept: float
    false_accept_low: float
    false_accept_high: float
    taken_for_particle: float
    taken_for_particle_low: float
    taken_for_particle_high: float


def ask_noise(
    index: SearchIndex, images: int, seed: int, rerank: int, settings: MatchingSettings
) -> list[NoiseAnswer]:
    """Ask among all groups about images of stain grain, carbon and shot noise, with slope, in boxes of all sizes."""
    noise = draw_images(
        index,
        range(len(index.groups)),
        STAIN,
        images,
        seed + _SEED_OF_NOISE,
        snr=NOISE_SNR,
        box_over_dmax=BOXES,
    )
    replies = [
        answer_image(
            index, noise.images[k], float(noise.pixel_size_angstrom[k]), rerank=rerank, settings=settings
        )
        for k in in_order_of_pixel_size(noise)
    ]
    return [NoiseAnswer(r.in_database_probability, r.particle_probability) for r in replies]


def noise_score(answers: Sequence[NoiseAnswer]) -> NoiseScore:
    """Count what was taken for something.

    >>> noise_score([NoiseAnswer(0.1, 0.2), NoiseAnswer(0.4, 0.6)]).taken_for_particle
    0.5
    """
    known = sum(a.in_database_probability >= 0.5 for a in answers)
    particles = sum(a.particle_probability >= 0.5 for a in answers)
    count = len(answers)
    return NoiseScore(
        count,
        known / max(1, count),
        *wilson_interval(known, count),
        particles / max(1, count),
        *wilson_interval(particles, count),
    )
