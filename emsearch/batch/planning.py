"""How long a batch would take, from a few of its own particles."""

import time
from dataclasses import dataclass

import numpy as np

from emsearch.batch.answers import answer_chunk
from emsearch.batch.chunks import chunk_particles, read_chunk
from emsearch.batch.sets import sets_by
from emsearch.batch.settings import BatchSettings
from emsearch.batch.stack_mixture import MIXTURE_IMAGES
from emsearch.particles.source import ParticleSource
from emsearch.search.engine import SearchIndex
from emsearch.search.shortlist import SHORTLIST

__all__ = ["SECONDS_TO_MATCH", "BatchPlan", "images_of_sets", "plan_batch", "seconds_to_match"]

SECONDS_TO_MATCH = 0.5
"""What projection matching of one particle against 100 groups takes on two cores, about."""

_TRIED = 64
_GROUPS_MATCHED = 100


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """What a batch comes to.

    ``batches`` are what is kept at a time; ``gigabytes`` the pixels as they are read; ``hours_without_matching`` was
    measured on the first particles, ``hours_with_matching`` adds ``SECONDS_TO_MATCH`` for each particle against 100
    groups, ``hours_for_sets`` is for what is matched of sets and mixture where they are asked for; ``matched_groups`` is
    what the settings ask for.
    """

    particles: int
    batches: int
    gigabytes: float
    hours_without_matching: float
    hours_with_matching: float
    hours_for_sets: float
    matched_groups: int


def plan_batch(index: SearchIndex, source: ParticleSource, settings: BatchSettings) -> BatchPlan:
    """Search the first particles of a source and say what all of them would take."""
    size = chunk_particles(source, settings)
    tried = range(min(_TRIED, source.count))
    chunk = read_chunk(source, tried, settings)
    answer_chunk(index, chunk, "bright", top=settings.top, rerank=0)  # the first time is slower
    start = time.perf_counter()  # reading goes on beside the network
    answer_chunk(index, chunk, "bright", top=settings.top, rerank=0)
    network = (time.perf_counter() - start) / max(len(tried), 1) * source.count
    rerank = settings.matched(source.count)
    matching = seconds_to_match(source.count, rerank or SHORTLIST)
    pixels = sum(alike.images.numel() for alike in chunk.alike)
    return BatchPlan(
        particles=source.count,
        batches=-(-source.count // size),
        gigabytes=4e-9 * pixels / max(len(tried), 1) * source.count,
        hours_without_matching=network / 3600,
        hours_with_matching=(network + matching) / 3600,
        hours_for_sets=seconds_to_match(images_of_sets(source, settings)) / 3600,
        matched_groups=rerank,
    )


def seconds_to_match(images: int, groups: int = _GROUPS_MATCHED) -> float:
    """Return how long it takes, about, to match images against groups.

    >>> seconds_to_match(1000, 50)
    250.0
    """
    return SECONDS_TO_MATCH * images * groups / _GROUPS_MATCHED


def images_of_sets(source: ParticleSource, settings: BatchSettings) -> int:
    """Return how many images are matched for the sets and the mixture."""
    of_mixture = min(MIXTURE_IMAGES, source.count) if settings.mixture else 0
    if settings.by is None:
        return of_mixture
    images = np.bincount(sets_by(source, settings.by).number)
    return of_mixture + int(np.minimum(images, settings.match_per_set).sum())
