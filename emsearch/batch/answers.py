"""The answers to a chunk of particles: the network on all of them at once, projection matching one by one."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emsearch.batch.chunks import Chunk
from emsearch.particles.errors import ImageError
from emsearch.search.answering import Reply, answer_proposal
from emsearch.search.engine import SearchIndex
from emsearch.search.hits import Quantities
from emsearch.search.proposal import propose_together
from emsearch.search.quantities import quantities_of_image

__all__ = ["AnsweredChunk", "answer_chunk"]

_TOGETHER = 128  # images: more are no faster, and what is said of every group in every sampling needs memory


@dataclass(frozen=True, slots=True, eq=False)
class AnsweredChunk:
    """What came of a chunk's n particles: a reply or the reason why there is none.

    ``quantities`` are what the network reads off each, None where it does not. ``share`` float32 (n, groups) is the
    network's of every group, NaN where there is no reply.
    """

    rows: Sequence[int]
    replies: tuple[Reply | str, ...]
    quantities: tuple[Quantities | None, ...]
    share: NDArray[np.float32]


def answer_chunk(index: SearchIndex, chunk: Chunk, contrast: str, *, top: int, rerank: int) -> AnsweredChunk:
    """Answer every particle of a chunk; ``rerank`` groups of each are matched by projection."""
    replies: dict[int, Reply | str] = dict(chunk.problems)
    quantities: dict[int, Quantities | None] = {}
    share = np.full((len(chunk.rows), len(index.groups)), np.nan, np.float32)
    for some in (batch for alike in chunk.alike for batch in alike.batches(_TOGETHER)):
        images, places = some.bright(contrast), some.place.tolist()
        try:
            proposals = propose_together(index, images, some.pixel_size_angstrom)
        except ImageError as problem:  # the pictures of this size show too little
            replies |= dict.fromkeys(places, str(problem))
            continue
        share[some.place] = proposals.share
        for k, place in enumerate(places):
            proposal = proposals.of(index, k, most=max(top, rerank))
            reply = answer_proposal(
                index, images[k], proposal, top=top, rerank=rerank, transfer=some.transfer(k)
            )
            size_class = reply.hits[0].size_class
            quantities[place] = quantities_of_image(index, proposals, k, some.pixel_size_angstrom, size_class)
            replies[place] = reply
    every = range(len(chunk.rows))
    return AnsweredChunk(
        chunk.rows, tuple(replies[p] for p in every), tuple(quantities.get(p) for p in every), share
    )
