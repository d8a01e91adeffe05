import numpy as np
import pytest

from emsearch.evaluation.calibrating import Case, fit_calibration
from emsearch.evaluation.known import Judged, judge, known_scores, reliability_of
from emsearch.evaluation.queries import Asked
from emsearch.search.answering import Matched
from emsearch.search.framing import Sampling
from emsearch.search.matching import Match, Pose
from emsearch.search.proposal import Candidate
from emsearch.search.ranking import Calibration
from emsearch_index.errors import UsageError

POSE = Pose(np.array([1.0, 0.0, 0.0, 0.0]), (0.0, 0.0), 1.0, 1.0, 20.0, 0.0, 0.1)

SURE_OF_PARTICLES = Calibration(particle_offset=50.0, particle_slope=0.0)
CLASSES = ["small"] * 5 + ["large"] * 5


def asked(truth: int, rng: np.random.Generator, *, telling: bool) -> Asked:
    """Ten groups; where the match is telling, the right one explains all of the image and leads by far."""
    matched = []
    for group in range(10):
        good = telling and group == truth
        posterior, correlation = (
            rng.normal(-8940 if good else -9000, 3),
            rng.normal(0.8 if good else 0.6, 0.02),
        )
        explained = rng.normal(0.97 if good else 0.6, 0.02)
        candidate = Candidate(group, 0.1, 0.1, 0.1, 0.8, f"s{group}", Sampling(0, 4.5, 1.0))
        matched.append(
            Matched(candidate, Match(POSE, 100.0, correlation, True, posterior, 0.1, explained, 0.5), 1.0)
        )
    return Asked(tuple(m.candidate for m in matched), tuple(matched), (0.0,) * 10, 0.1, 0.2)


def images(n: int, *, telling: bool) -> list[tuple[int, float, Asked]]:
    rng = np.random.default_rng(2)
    return [(k % 10, 2.0, asked(k % 10, rng, telling=telling)) for k in range(n)]


def test_telling_matches_are_known_and_struck_ones_are_not() -> None:
    judged = judge(images(40, telling=True), SURE_OF_PARTICLES, CLASSES)
    assert min(j.as_is for j in judged) > 0.8
    assert max(j.struck for j in judged) < 0.2
    (score,) = known_scores(judged)
    assert (score.images, score.groups, score.auroc, score.false_accept, score.missed) == (
        40,
        10,
        1.0,
        0.0,
        0.0,
    )
    assert score.ece < 0.15


def test_what_may_be_noise_is_not_known() -> None:
    perhaps = Calibration(
        particle_offset=-np.log(9), particle_slope=0.0
    )  # even odds with the prior of nine in ten
    sure, doubtful = (judge(images(40, telling=True), of, CLASSES) for of in (SURE_OF_PARTICLES, perhaps))
    assert [j.as_is for j in doubtful] == pytest.approx([0.5 * j.as_is for j in sure])


def test_matches_that_tell_nothing_leave_it_open() -> None:
    (score,) = known_scores(judge(images(40, telling=False), SURE_OF_PARTICLES, CLASSES))
    assert score.auroc_low < 0.6
    assert score.auroc_low <= score.auroc <= score.auroc_high
    assert score.ece < 0.2


def test_a_group_is_judged_by_the_images_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    fits: list[set[int]] = []

    def spy(cases: list[Case]) -> Calibration:
        fits.append({case.right for case in cases})
        return fit_calibration(cases)

    monkeypatch.setattr("emsearch.evaluation.known.fit_calibration", spy)
    judge(images(40, telling=True), SURE_OF_PARTICLES, CLASSES)
    assert len(fits) == 5
    assert all(len(groups) == 8 for groups in fits)
    assert set.union(*fits) == set(range(10)) and not set.intersection(*fits)


def test_levels_are_scored_apart_and_together() -> None:
    judged = [
        Judged(k % 4, "small", snr, 0.9 if k % 3 else 0.3, 0.2, 0.8, 0.4, 1 + k % 2, k > 0)
        for snr in (10.0, 2.0)
        for k in range(12)
    ]
    scores = known_scores(judged)
    assert [s.snr for s in scores] == [10.0, 2.0, None]
    assert [s.images for s in scores] == [12, 12, 24]
    assert all(s.missed == pytest.approx(1 / 3) and s.false_accept == 0 for s in scores)
    assert all(s.missed_low <= s.missed <= s.missed_high for s in scores)
    assert all(s.auroc_own == 1 and s.ece_own == pytest.approx(0.3) for s in scores)
    assert sum(b.count for b in reliability_of(judged)) == 48


def test_each_size_class_is_scored_among_its_own() -> None:
    judged = judge(images(40, telling=True), SURE_OF_PARTICLES, CLASSES)
    assert [(s.size_class, s.images, s.groups) for s in known_scores(judged, by_class=True)] == [
        ("all", 40, 10),
        ("large", 20, 5),
        ("small", 20, 5),
    ]


def test_one_group_is_too_few() -> None:
    with pytest.raises(UsageError, match="images of 1 group and needs those of two"):
        judge([(3, 2.0, asked(3, np.random.default_rng(0), telling=True))] * 4, SURE_OF_PARTICLES, CLASSES)
