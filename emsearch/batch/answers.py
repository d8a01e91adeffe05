"""The answers to a chunk of particles: the network on all of them at once, projection matching one by one."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emsearch.batch.chunks import Chunk
from emsearch.particles.errors import ImageError
from emsearch.search.answering import Reply, answer_proposal
from emsearch.search.engine import SearchIndex
from emsearch.search.proposal import propose_together

__all__ = ["AnsweredChunk", "answer_chunk"]


@dataclass(frozen=True, slots=True, eq=False)
class AnsweredChunk:
    """What came of a chunk's n particles: a reply or the reason why there is none.

    ``share`` float32 (n, groups) is the network's of every group, NaN where there is no reply.
    """

    rows: Sequence[int]
    replies: tuple[Reply | str, ...]
    share: NDArray[np.float32]


def answer_chunk(index: SearchIndex, chunk: Chunk, contrast: str, *, top: int, rerank: int) -> AnsweredChunk:
    """Answer every particle of a chunk; ``rerank`` groups of each are matched by projection."""
    replies: list[Reply | str] = [chunk.problems.get(place, "") for place in range(len(chunk.rows))]
    share = np.full((len(replies), len(index.groups)), np.nan, np.float32)
    for alike in chunk.alike:
        images = alike.bright(contrast)
        try:
            proposals = propose_together(index, images, alike.pixel_size_angstrom)
        except ImageError as problem:  # the pictures of this size show too little
            for place in alike.place.tolist():
                replies[place] = str(problem)
            continue
        share[alike.place] = proposals.share
        for k, place in enumerate(alike.place.tolist()):
            proposal = proposals.of(index, k, most=max(top, rerank))
            replies[place] = answer_proposal(index, images[k], proposal, top=top, rerank=rerank)
    return AnsweredChunk(chunk.rows, tuple(replies), share)
