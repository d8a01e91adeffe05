"""Which group is explained, and rather than which: by its rank among the answers, or by name."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from emsearch.explanation.case import Picture
from emsearch.search.answering import answer_proposal
from emsearch.search.engine import SearchIndex
from emsearch.search.proposal import propose
from emsearch.search.shortlist import SHORTLIST
from emsearch_index.errors import UsageError

__all__ = ["choose_groups", "group_named"]


def group_named(index: SearchIndex, name: str) -> int | None:
    """Return the number of a group by its identifier or that of a structure of it, None where there is none."""
    wanted = name.lower()
    for number, group in enumerate(index.groups):
        if wanted == group.id.lower() or wanted in (member.lower() for member in group.members):
            return number
    return None


def choose_groups(
    index: SearchIndex,
    pictures: Sequence[Picture],
    hit: str,
    rather_than: str | None,
    *,
    rerank: int = SHORTLIST,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> tuple[int, int | None]:
    """Return the numbers of the hit and of the rival, if one is named.

    Each is a rank, counted from 1, or the identifier of a group or structure. Ranks are those of the probabilities,
    averaged over the pictures, which are answered only where a rank is asked for.

    Raises
    ------
    UsageError
        There is no such rank, group or structure, or both are the same group.
    """
    asked = {"--hit": hit} if rather_than is None else {"--hit": hit, "--rather-than": rather_than}
    ranked = np.zeros(0, np.int64)
    if any(name.isdecimal() for name in asked.values()):
        ranked = _ranked(index, pictures, rerank, progress)
    chosen = [_chosen(index, ranked, name, option) for option, name in asked.items()]
    if len(chosen) == 2 and chosen[0] == chosen[1]:
        raise UsageError(
            f"--hit {hit} and --rather-than {rather_than} are the same group, {index.groups[chosen[0]].id}; name two"
        )
    return chosen[0], chosen[1] if len(chosen) == 2 else None


def _chosen(index: SearchIndex, ranked: NDArray[np.int64], name: str, option: str) -> int:
    if name.isdecimal():
        if not 1 <= int(name) <= len(ranked):
            raise UsageError(
                f"{option} {name} is no rank of an answer that names {len(ranked)} groups; give 1 to {len(ranked)}"
            )
        return int(ranked[int(name) - 1])
    number = group_named(index, name)
    if number is None:
        raise UsageError(
            f"{option} {name!r} is neither a rank nor a group or structure of the index; `emsearch groups` lists them"
        )
    return number


def _ranked(
    index: SearchIndex,
    pictures: Sequence[Picture],
    rerank: int,
    progress: Callable[[int, int], None],
) -> NDArray[np.int64]:
    """Return the groups that are matched with any of the pictures, best first."""
    total = np.full(len(index.groups), -1.0)
    for done, picture in enumerate(pictures, start=1):
        proposal = propose(index, picture.image, picture.pixel_size_angstrom)
        every = len(index.groups)
        reply = answer_proposal(
            index, picture.image, proposal, top=every, rerank=rerank, transfer=picture.transfer
        )
        for hit in reply.hits:
            if hit.view is not None:
                number = index.number[hit.group]
                total[number] = max(total[number], 0.0) + hit.probability
        progress(done, len(pictures))
    order = np.argsort(-total, kind="stable")
    return np.asarray(order[: np.count_nonzero(total >= 0)])
