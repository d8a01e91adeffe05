"""The original report's own table: how often the right group of 100 comes first, and in the first three."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from emsearch.evaluation.intervals import wilson_interval
from emsearch.evaluation.simulated import CRYO, STAIN, SimulatedImages, draw_images
from emsearch.search.answering import SHORTLIST, match_candidates, shortlist_scores
from emsearch.search.engine import SearchIndex
from emsearch.search.matching import MatchingSettings
from emsearch.search.proposal import Candidate, propose

__all__ = ["Score", "evaluate_index", "largest_groups"]

_RECALL = 20


@dataclass(frozen=True, slots=True)
class Score:
    """How often one way of answering was right.

    ``answer`` is "classifier", "vote", "network" (their mean, as searched) or "re-ranked"; ``among`` how many groups
    could have been named; ``low`` and ``high`` are 95 % limits of top-1 and top-3.
    """

    set: str
    snr: float
    answer: str
    among: int
    images: int
    top1: float
    top1_low: float
    top1_high: float
    top3: float
    top3_low: float
    top3_high: float
    recall_at_20: float


def largest_groups(index: SearchIndex, count: int) -> list[int]:
    """Return the ``count`` groups of largest Dmax of the largest size class that has so many, else of the fullest class."""
    by_class = [[k for k, g in enumerate(index.groups) if g.size_class == c.name] for c in index.classes]
    enough = [members for members in by_class if len(members) >= count]
    members = enough[-1] if enough else max(by_class, key=len)
    return sorted(members, key=lambda k: (-index.groups[k].dmax_angstrom, index.groups[k].id))[:count]


def _rank(order: Sequence[int], truth: int) -> int:
    return order.index(truth) if truth in order else len(order) + 1000


def _score(name: str, snr: float, answer: str, among: int, ranks: list[int]) -> Score:
    n = len(ranks)
    top1, top3 = (sum(r < k for r in ranks) for k in (1, 3))
    low1, high1 = wilson_interval(top1, n)
    low3, high3 = wilson_interval(top3, n)
    recall = sum(r < _RECALL for r in ranks) / n
    return Score(name, snr, answer, among, n, top1 / n, low1, high1, top3 / n, low3, high3, recall)


def _by_share(candidates: Sequence[Candidate], share: Callable[[Candidate], float]) -> list[int]:
    return [c.group for c in sorted(candidates, key=lambda c: (-share(c), c.group))]


def _ranks_of_image(
    index: SearchIndex,
    test: SimulatedImages,
    k: int,
    allowed: frozenset[int],
    rerank: int,
    settings: MatchingSettings,
) -> dict[str, int]:
    truth = int(test.group[k])
    proposal = propose(index, test.images[k], float(test.pixel_size_angstrom[k]))
    candidates = [c for c in proposal.candidates if c.group in allowed]
    short = candidates[:rerank]
    matched = match_candidates(index, test.images[k], short, settings)
    score = shortlist_scores(index, matched)
    order = [matched[j].candidate.group for j in np.argsort(-score, kind="stable")]
    return {
        "classifier": _rank(_by_share(candidates, lambda c: c.classifier), truth),
        "vote": _rank(_by_share(candidates, lambda c: c.vote), truth),
        "network": _rank([c.group for c in candidates], truth),
        "re-ranked": _rank(order, truth),
    }


def evaluate_index(
    index: SearchIndex,
    *,
    snr_levels: Sequence[float] = (10.0, 2.0, 0.5, 0.1),
    groups: int = 100,
    images: int = 200,
    seed: int = 0,
    rerank: int = SHORTLIST,
    sets: Sequence[str] = ("stain",),
    settings: MatchingSettings | None = None,
    report: Callable[[str], None] = lambda line: None,
) -> list[Score]:
    """Measure the "trained" set: unseen views of representatives, answered among the same ``groups`` groups."""
    chosen = largest_groups(index, groups)
    allowed = frozenset(chosen)
    ranges = {"stain": STAIN, "cryo": CRYO}
    scores = []
    for name in sets:
        for snr in snr_levels:
            test = draw_images(index, chosen, ranges[name], images, seed, snr)
            ranks = [
                _ranks_of_image(index, test, k, allowed, rerank, settings or MatchingSettings())
                for k in range(images)
            ]
            for answer in ranks[0]:
                scores.append(_score(name, snr, answer, len(chosen), [r[answer] for r in ranks]))
            report(f"{name}, SNR {snr:g}: re-ranked top-1 {scores[-1].top1:.2f}, top-3 {scores[-1].top3:.2f}")
    return scores
