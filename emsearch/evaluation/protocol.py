"""The protocol: sets of test images at several noise levels, asked in every way."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from emsearch.evaluation.ceiling_answers import CeilingOrders, ceiling_orders
from emsearch.evaluation.known import Judged
from emsearch.evaluation.noise_alone import NoiseAnswer, ask_noise
from emsearch.evaluation.poses import PoseErrors
from emsearch.evaluation.queries import Query, ask, named, query_of
from emsearch.evaluation.sets import UNKNOWN, DrawnSet, ImageSet, draw_set, image_set
from emsearch.evaluation.subjects import SubjectModels
from emsearch.evaluation.unknown import ask_unknown
from emsearch.search.engine import SearchIndex
from emsearch.search.matching import MatchingSettings
from emsearch.search.shortlist import SHORTLIST
from emsearch_index.errors import UsageError

__all__ = ["CLEAN", "CRYO_SNR", "Evaluation", "Protocol", "evaluate_index"]

CLEAN = float("inf")
CRYO_SNR = 0.05

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Protocol:
    """What is measured: sets, noise levels, images of each set and level, and how many groups may be named.

    ``snr_levels`` are those of the stained sets; "cryo" has its own. ``rerank`` groups are matched.
    """

    sets: tuple[str, ...] = ("trained",)
    snr_levels: tuple[float, ...] = (CLEAN, 10.0, 2.0, 0.5, 0.1)
    images: int = 200
    groups: int = 100
    rerank: int = SHORTLIST
    seed: int = 0
    ceiling: bool = False
    matching: MatchingSettings = field(default_factory=MatchingSettings)

    def levels(self, name: str) -> tuple[float, ...]:
        """Return the noise levels of a set."""
        return (CRYO_SNR,) if name == "cryo" else self.snr_levels


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Every query, those of one set and level together, and every image of "unknown" as it was judged.

    ``noise`` are the answers to as many images of noise alone as "unknown" has of each level, ``left_out`` sentences
    about sets and structures that could not be tested.
    """

    queries: tuple[Query, ...]
    judged: tuple[Judged, ...]
    left_out: tuple[str, ...]
    noise: tuple[NoiseAnswer, ...] = ()


def evaluate_index(index: SearchIndex, protocol: Protocol, report: Report = lambda line: None) -> Evaluation:
    """Measure an index by the protocol.

    Raises
    ------
    UsageError
        The index has nothing for any of the sets, the images of "unknown" are of one group alone, or no structure of a
        deformed set can be bent.
    """
    found = {name: image_set(index, name, protocol.groups) for name in protocol.sets}
    left_out = [
        f"set {name} is left out: the index has no such structures" for name, s in found.items() if s is None
    ]
    if not any(found.values()):
        raise UsageError(f"the index has no structures for {', '.join(found)}; give other --sets")
    models = SubjectModels(index.library, protocol.seed)
    drawn = _draw(index, [s for s in found.values() if s is not None], protocol, models)
    left_out += [
        f"images of {name} bent are left out: {reason}" for name, reason in models.unbendable.items()
    ]
    for line in left_out:
        report(line)
    errors = PoseErrors(index)
    unknown = [d for d in drawn if d.image_set.name == UNKNOWN]
    queries = _ask_all(index, [d for d in drawn if d.image_set.name != UNKNOWN], protocol, errors, report)
    judged: list[Judged] = []
    noise: list[NoiseAnswer] = []
    if unknown:
        more, judged = ask_unknown(
            index, unknown, protocol.rerank, protocol.seed, protocol.matching, errors, report
        )
        queries += more
        noise = ask_noise(index, protocol.images, protocol.seed, protocol.rerank, protocol.matching)
        report(f"unknown, noise alone: {len(noise)} images")
    return Evaluation(tuple(queries), tuple(judged), tuple(left_out), tuple(noise))


def _draw(
    index: SearchIndex, sets: Sequence[ImageSet], protocol: Protocol, models: SubjectModels
) -> list[DrawnSet]:
    return [
        draw_set(index, s, snr, protocol.images, protocol.seed, models)
        for s in sets
        for snr in protocol.levels(s.name)
    ]


def _ask_all(
    index: SearchIndex, drawn: Sequence[DrawnSet], protocol: Protocol, errors: PoseErrors, report: Report
) -> list[Query]:
    queries: list[Query] = []
    for d in drawn:
        some = _ask(index, d, protocol, errors)
        if protocol.ceiling:
            ceiling = ceiling_orders(index, d, report)
            some = [_with_ceiling(index, q, d, k, ceiling) for k, q in enumerate(some)]
        report(_summary(some))
        queries += some
    return queries


def _ask(index: SearchIndex, drawn: DrawnSet, protocol: Protocol, errors: PoseErrors) -> list[Query]:
    among = frozenset(drawn.image_set.among)
    queries = []
    for k in range(len(drawn.images)):
        asked = ask(index, drawn.images, k, among, rerank=protocol.rerank, settings=protocol.matching)
        queries.append(query_of(index, drawn, k, asked, errors))
    return queries


def _with_ceiling(index: SearchIndex, query: Query, drawn: DrawnSet, k: int, ceiling: CeilingOrders) -> Query:
    truth = int(drawn.images.group[k])
    answers = {name: named(index, groups[k].tolist(), truth) for name, groups in ceiling.groups.items()}
    seconds = dict.fromkeys(answers, ceiling.seconds_per_image)
    return replace(query, answers={**query.answers, **answers}, seconds={**query.seconds, **seconds})


def _summary(queries: Sequence[Query]) -> str:
    """Return the line that is said of a set at one noise level."""
    level = "clean" if np.isinf(queries[0].snr) else f"SNR {queries[0].snr:g}"
    ranks = [q.answers["re-ranked"].rank or np.inf for q in queries]
    top1, top3 = (np.mean([rank <= k for rank in ranks]) for k in (1, 3))
    return f"{queries[0].set}, {level}: re-ranked top-1 {top1:.2f}, top-3 {top3:.2f} of {len(queries)} images"
