"""The images of a set answer together, and a stack says what it is made of."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.parquet as pq
import pytest

from emsearch.batch.run import BatchReport, run_batch
from emsearch.batch.set_evidence import witness
from emsearch.batch.sets import sets_by
from emsearch.batch.settings import BatchSettings
from emsearch.imaging.parameters import clean_parameters
from emsearch.imaging.rotations import random_quaternions
from emsearch.imaging.stack_files import write_stack
from emsearch.particles.source import ParticleSource, open_particles
from emsearch_index.errors import UsageError

if TYPE_CHECKING:
    from emsearch.search.engine import SearchIndex

PIXEL, SIDE, PARTICLES = 3.0, 64, 24
CLASSES = ("blob1", "blob3")
SETTINGS = BatchSettings(
    contrast="bright", top=2, rerank=0, by="rlnClassNumber", match_per_set=5, mixture=True
)

pytestmark = pytest.mark.usefixtures("small_chunks")


@pytest.fixture(autouse=True)
def small_mixture(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let six images say what a stack is made of."""
    monkeypatch.setattr("emsearch.batch.stack_mixture.MIXTURE_IMAGES", 6)


@pytest.fixture(scope="module")
def source(pooling_index: "SearchIndex", tmp_path_factory: pytest.TempPathFactory) -> ParticleSource:
    """Return 24 noisy particles, two of three of class 2 (blob1), the others of class 10 (blob3)."""
    folder = tmp_path_factory.mktemp("sets")
    parameters = clean_parameters(random_quaternions(np.random.default_rng(4), PARTICLES)).with_values(
        snr=1.0
    )
    structure = np.where(np.arange(PARTICLES) % 3 < 2, 1, 3)
    simulator = pooling_index.simulator(pooling_index.structures)
    shot = simulator.micrographs(structure, parameters, np.full(PARTICLES, PIXEL), SIDE, 2)
    drawn = np.array(shot.micrographs.numpy())
    drawn[5] = 0.0
    drawn[5, 0, 0] = 1e-30
    write_stack(
        folder / "s.mrcs",
        drawn,
        PIXEL,
        star=folder / "s.star",
        metadata={"rlnClassNumber": np.where(structure == 1, 2, 10)},
    )
    return open_particles(str(folder / "s.star"))


def answered(index: "SearchIndex", source: ParticleSource, output: Path) -> BatchReport:
    return run_batch(index, source, output, SETTINGS)


def test_each_set_names_its_structure(
    pooling_index: "SearchIndex", source: ParticleSource, tmp_path: Path
) -> None:
    report = answered(pooling_index, source, tmp_path / "hits.parquet")
    assert [answer.set for answer in report.sets] == ["2", "10"]
    assert [answer.images for answer in report.sets] == [16, 7]
    assert [answer.matched for answer in report.sets] == [5, 5]
    for answer, name in zip(report.sets, CLASSES, strict=True):
        assert answer.hits[0].representative == name
        assert answer.hits[0].probability > 0.9
        every = pq.read_table(tmp_path / "hits.parquet").column("probability").to_pylist()
        assert answer.hits[0].probability > max(p for p in every if p is not None)
    rows = pq.read_table(report.sets_output).to_pylist()
    assert report.sets_output == tmp_path / "hits.sets.parquet"
    assert [(row["set"], row["representative"]) for row in rows] == [("2", "blob1"), ("10", "blob3")]
    first = report.mixture[0]
    assert first.shows == "blob1" and first.low <= first.fraction <= first.high
    assert sum(part.fraction for part in report.mixture) == pytest.approx(1)


def test_sets_that_were_answered_are_not_answered_again(
    pooling_index: "SearchIndex", source: ParticleSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = answered(pooling_index, source, tmp_path / "whole.parquet")
    calls = 0

    def stop_at_the_seventh(*arguments: object) -> object:
        nonlocal calls
        calls += 1
        if calls == 7:
            raise KeyboardInterrupt
        return witness(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr("emsearch.batch.matched_sample.witness", stop_at_the_seventh)
    with pytest.raises(KeyboardInterrupt):
        answered(pooling_index, source, tmp_path / "hits.parquet")
    again = answered(pooling_index, source, tmp_path / "hits.parquet")
    assert calls == 7 + 5 + 6  # of the first try, of the second set, and of all for the mixture
    assert again.sets == whole.sets
    assert again.mixture == whole.mixture


def test_fields_make_sets(source: ParticleSource) -> None:
    by_class = sets_by(source, "_rlnClassNumber")
    assert by_class.names == ("2", "10")
    assert by_class.number[:4].tolist() == [0, 0, 1, 0]
    assert sets_by(source, "stack").rows(0).tolist() == list(range(PARTICLES))
    with pytest.raises(UsageError, match=r"rlnMicrographName.*choose stack, rlnImageName, rlnOpticsGroup"):
        sets_by(source, "rlnMicrographName")
