"""Known or not: does the probability that an image's structure is in the index mean what it says?

Each image of the set "unknown" is judged twice: as it is, and with its own group struck from the candidates, which is how
a molecule that is not in the index looks to the search. The logistic is fitted on the images of other groups than
those it is tested on. The images are simulated as those of the training were, which is more favourable than a real one.
The network has been trained on the struck groups too; structures that it never saw were told from trained ones better
than struck ones are (docs/explanation/how-good.md). Relatives of a struck group stay in the index, and an image that looks
like one of them counts as wrongly accepted.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emsearch.evaluation.calibrating import Case, case_of, fit_calibration, with_particle_of
from emsearch.evaluation.discrimination import (
    Bin,
    area_under_roc,
    calibration_error,
    false_accept_rate,
    miss_rate,
    reliability,
)
from emsearch.evaluation.intervals import bootstrap_interval
from emsearch.evaluation.queries import Asked
from emsearch.evaluation.scores import ALL_CLASSES
from emsearch.search.ranking import Calibration
from emsearch.search.undecided import undecided
from emsearch_index.errors import UsageError

__all__ = ["Judged", "KnownScore", "judge", "known_scores", "reliability_of"]

FOLDS = 5
_FOLD_STREAM = 8_888_888


@dataclass(frozen=True, slots=True)
class Judged:
    """One image of ``group`` and what the fit of other groups' images says of it, as it is and with its group struck.

    ``own_as_is`` and ``own_struck`` are what the index's own calibration says of both. ``undecided`` is how many groups the
    image cannot decide among, ``held`` whether the right one is one of them.
    """

    group: int
    size_class: str
    snr: float
    as_is: float
    struck: float
    own_as_is: float
    own_struck: float
    undecided: int
    held: bool


@dataclass(frozen=True, slots=True)
class KnownScore:
    """How well known images of a size class, or of all, are told from unknown ones; ``snr`` None is all levels together.

    Intervals are 95 %, by bootstrap over groups. ``ece`` is the expected calibration error, ``false_accept`` the share of
    struck cases that are taken for known at a probability of 0.5, ``missed`` that of the others that are not. ``held`` is
    the share of images whose right group is among those that they cannot decide among, ``undecided`` the median number of
    these. ``auroc_own`` and ``ece_own`` are of the index's own calibration, which was fitted on other images of all groups.
    """

    snr: float | None
    size_class: str
    images: int
    groups: int
    auroc: float
    auroc_low: float
    auroc_high: float
    ece: float
    ece_low: float
    ece_high: float
    false_accept: float
    false_accept_low: float
    false_accept_high: float
    missed: float
    missed_low: float
    missed_high: float
    held: float
    undecided: float
    auroc_own: float
    ece_own: float


def judge(
    asked: Sequence[tuple[int, float, Asked]],
    calibration: Calibration,
    size_classes: Sequence[str],
    seed: int = 0,
    report: Callable[[str], None] = lambda line: None,
) -> list[Judged]:
    """Judge images (group, SNR, what was found), each by the fit to images of the groups of the other folds.

    ``size_classes`` are those of all groups of the index. What tells a particle from noise is that of the index's own
    ``calibration``.

    Raises
    ------
    UsageError
        Images of fewer than two groups.
    """
    cases = [case_of(found.matched, group) for group, _, found in asked]
    fold = _folds(np.array([group for group, _, _ in asked], np.int64), seed)
    fits = []
    for k in range(int(fold.max()) + 1):
        others = [c for c, f in zip(cases, fold, strict=True) if f != k]
        fits.append(with_particle_of(fit_calibration(others), calibration))
        report(f"unknown: fold {k + 1} of {int(fold.max()) + 1}")
    return [
        _judged(case, group, size_classes[group], snr, fits[f], calibration)
        for (group, snr, _), case, f in zip(asked, cases, fold.tolist(), strict=True)
    ]


def _judged(
    case: Case, group: int, size_class: str, snr: float, fitted: Calibration, own: Calibration
) -> Judged:
    as_is, struck, own_as_is, own_struck = (
        c.in_database_probability(by) for by in (fitted, own) for c in (case, case.without_right())
    )
    among = undecided(case.probabilities(fitted), fitted.set_mass)
    return Judged(
        group, size_class, snr, as_is, struck, own_as_is, own_struck, len(among), case.right in among
    )


def _folds(group: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """Return the fold of each image (n,), at random over groups, of like numbers of groups."""
    names, member = np.unique(group, return_inverse=True)
    if len(names) < 2:
        raise UsageError(
            f"the set unknown has images of {len(names)} group and needs those of two at least; ask for more --images"
        )
    order = np.random.default_rng((seed, _FOLD_STREAM)).permutation(len(names))
    return np.asarray((order % min(FOLDS, len(names)))[member])


def _both(judged: Sequence[Judged]) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.int64]]:
    """Return probability, truth and group of all cases (2 n,), the struck ones last."""
    probability = np.array([j.as_is for j in judged] + [j.struck for j in judged])
    group = np.array([j.group for j in judged] * 2)
    return probability, np.arange(len(group)) < len(judged), group


def reliability_of(judged: Sequence[Judged]) -> tuple[Bin, ...]:
    """Return the reliability table of images as they are and with their group struck, alike many."""
    probability, known, _ = _both(judged)
    return reliability(probability, known)


def known_scores(judged: Sequence[Judged], *, by_class: bool = False) -> list[KnownScore]:
    """Return the scores of each noise level, and those of all together where there are several.

    With ``by_class`` also those of the images of each size class, which are told from images of the same class alone.
    """
    levels: list[float | None] = list(dict.fromkeys(j.snr for j in judged))
    if len(levels) > 1:
        levels.append(None)
    classes = [ALL_CLASSES, *(sorted({j.size_class for j in judged}) if by_class else ())]
    parts = {(snr, name): _part(judged, snr, name) for snr in levels for name in classes}
    return [_score(snr, name, part) for (snr, name), part in parts.items() if part]


def _part(judged: Sequence[Judged], snr: float | None, size_class: str) -> list[Judged]:
    return [j for j in judged if snr in (None, j.snr) and size_class in (ALL_CLASSES, j.size_class)]


def _score(snr: float | None, size_class: str, judged: Sequence[Judged]) -> KnownScore:
    probability, known, group = _both(judged)
    numbers: list[float] = []
    for measure in (area_under_roc, calibration_error, false_accept_rate, miss_rate):
        numbers += _measured(measure, probability, known, group)
    numbers += [float(np.mean([j.held for j in judged])), float(np.median([j.undecided for j in judged]))]
    own = np.array([j.own_as_is for j in judged] + [j.own_struck for j in judged])
    numbers += [area_under_roc(own, known), calibration_error(own, known)]
    return KnownScore(snr, size_class, len(judged), len(np.unique(group)), *numbers)


def _measured(
    measure: Callable[[NDArray[np.float64], NDArray[np.bool_]], float],
    probability: NDArray[np.float64],
    known: NDArray[np.bool_],
    group: NDArray[np.int64],
) -> tuple[float, float, float]:
    interval = bootstrap_interval(lambda rows: measure(probability[rows], known[rows]), group)
    return (measure(probability, known), *interval)
