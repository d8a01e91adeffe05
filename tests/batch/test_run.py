"""A stack is answered as its particles are one by one, whatever stops it on the way."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
import torch
from numpy.typing import NDArray

from emsearch.batch.answers import answer_chunk
from emsearch.batch.parts import Parts, parts_folder
from emsearch.batch.run import run_batch
from emsearch.batch.settings import BatchSettings
from emsearch.particles.source import open_particles
from emsearch.search.answering import answer_image
from emsearch_index.errors import UsageError
from emsearch_index.schema import HITS

if TYPE_CHECKING:
    from emsearch.search.engine import SearchIndex

Write = Callable[[NDArray[np.float32], Path], Path]

BAD = (4, 17)
BY_NETWORK = BatchSettings(contrast="bright", top=3, rerank=0)

pytestmark = pytest.mark.usefixtures("small_chunks")


def rows_of(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return found


@pytest.fixture
def finished(pooling_index: "SearchIndex", stack: Path, tmp_path: Path) -> Path:
    output = tmp_path / "finished.parquet"
    run_batch(pooling_index, open_particles(str(stack)), output, BY_NETWORK)
    return output


def test_a_stack_is_answered_as_each_particle_alone(
    pooling_index: "SearchIndex", images: NDArray[np.float32], finished: Path
) -> None:
    rows = rows_of(finished)
    assert [row["row"] for row in rows] == list(range(1, len(images) + 1))
    assert rows[8]["particle"] == "9@particles.mrcs"
    for k, row in enumerate(rows):
        if k in BAD:
            continue
        reply = answer_image(pooling_index, torch.from_numpy(images[k]), 3.0, top=3, rerank=0)
        assert [hit["group"] for hit in row["hits"]] == [hit.group for hit in reply.hits]
        probabilities = [hit.probability for hit in reply.hits]
        assert [hit["probability"] for hit in row["hits"]] == pytest.approx(probabilities, abs=1e-5)
        assert (row["group"], row["representative"]) == (reply.hits[0].group, reply.hits[0].representative)
        assert row["in_database_probability"] == pytest.approx(reply.in_database_probability)
        assert row["undecided"] == len(reply.undecided)
        assert row["quaternion_w"] is None


def test_bad_particles_have_an_error_and_the_others_an_answer(
    pooling_index: "SearchIndex", stack: Path, tmp_path: Path
) -> None:
    report = run_batch(pooling_index, open_particles(str(stack)), tmp_path / "hits.parquet", BY_NETWORK)
    rows = rows_of(tmp_path / "hits.parquet")
    assert [k for k, row in enumerate(rows) if row["error"]] == list(BAD)
    assert all((row["group"] is None) == (k in BAD) for k, row in enumerate(rows))
    assert "not finite" in rows[4]["error"] and "no contrast" in rows[17]["error"]
    assert (report.stack.source.count, report.failed) == (23, 2)
    assert [failure.particle for failure in report.failures] == ["5@particles.mrcs", "18@particles.mrcs"]


def test_matched_particles_have_poses(
    pooling_index: "SearchIndex", images: NDArray[np.float32], write_images: Write, tmp_path: Path
) -> None:
    two = write_images(images[:2], tmp_path / "two.mrcs")
    settings = BatchSettings(contrast="bright", top=2, rerank=1)
    run_batch(pooling_index, open_particles(str(two)), tmp_path / "hits.parquet", settings)
    for k, row in enumerate(rows_of(tmp_path / "hits.parquet")):
        reply = answer_image(pooling_index, torch.from_numpy(images[k]), 3.0, top=2, rerank=1)
        view = reply.hits[0].view
        assert view is not None
        assert row["structure"] == view.structure
        assert [row[f"quaternion_{axis}"] for axis in "wxyz"] == pytest.approx(view.quaternion, abs=1e-3)
        assert (row["shift_x_px"], row["shift_y_px"]) == pytest.approx(view.shift_px, abs=1e-2)
        assert row["hits"][1]["structure"] is None


def test_every_format_says_the_same(pooling_index: "SearchIndex", stack: Path, tmp_path: Path) -> None:
    source = open_particles(str(stack))
    for form in ("parquet", "csv", "tsv", "jsonl"):
        run_batch(pooling_index, source, tmp_path / f"hits.{form}", BY_NETWORK)
    hits = [
        (row["row"], rank, hit["group"], hit["probability"])
        for row in rows_of(tmp_path / "hits.parquet")
        for rank, hit in enumerate(row["hits"], start=1)
    ]
    delimited = [
        pa_csv.read_csv(
            tmp_path / f"hits.{form}", parse_options=pa_csv.ParseOptions(delimiter=by)
        ).to_pylist()
        for form, by in (("csv", ","), ("tsv", "\t"))
    ]
    lines = [json.loads(line) for line in (tmp_path / "hits.jsonl").read_text().splitlines()]
    for rows in (*delimited, lines):
        assert [(r["row"], r["rank"], r["group"], r["probability"]) for r in rows if not r["error"]] == hits
        assert [r["row"] - 1 for r in rows if r["error"]] == list(BAD)


def test_an_interrupted_batch_goes_on_after_its_last_chunk(
    pooling_index: "SearchIndex",
    stack: Path,
    finished: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source, output = open_particles(str(stack)), tmp_path / "hits.parquet"

    def stop(what: str, done: int, of: int) -> None:
        if done >= 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_batch(pooling_index, source, output, BY_NETWORK, progress=stop)
    assert not output.exists()
    answered: list[int] = []

    def count(index: "SearchIndex", chunk: Any, contrast: str, **options: int) -> Any:
        answered.extend(chunk.rows)
        return answer_chunk(index, chunk, contrast, **options)

    monkeypatch.setattr("emsearch.batch.run.answer_chunk", count)
    told: list[int] = []
    run_batch(pooling_index, source, output, BY_NETWORK, progress=lambda what, done, of: told.append(done))
    assert answered == list(range(8, 23))
    assert told == [8, 16, 23]
    assert rows_of(output) == rows_of(finished)
    assert not parts_folder(output).exists()


def test_other_settings_or_inputs_do_not_go_on(
    pooling_index: "SearchIndex",
    stack: Path,
    images: NDArray[np.float32],
    write_images: Write,
    tmp_path: Path,
) -> None:
    source, output = open_particles(str(stack)), tmp_path / "hits.parquet"

    def stop(what: str, done: int, of: int) -> None:
        if done >= 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_batch(pooling_index, source, output, BY_NETWORK, progress=stop)
    with pytest.raises(UsageError, match=r"another settings; repeat that command"):
        run_batch(pooling_index, source, output, BatchSettings(contrast="bright", top=4, rerank=0))
    other = open_particles(str(write_images(images[:3], tmp_path / "other.mrcs")))
    with pytest.raises(UsageError, match="another input"):
        run_batch(pooling_index, other, output, BY_NETWORK)
    run_batch(pooling_index, other, output, BY_NETWORK, restart=True)
    assert len(rows_of(output)) == 3


def test_a_finished_output_is_not_overwritten_unasked(
    pooling_index: "SearchIndex", stack: Path, finished: Path
) -> None:
    source = open_particles(str(stack))
    with pytest.raises(UsageError, match="is there already"):
        run_batch(pooling_index, source, finished, BY_NETWORK)
    run_batch(pooling_index, source, finished, BY_NETWORK, restart=True)
    with pytest.raises(UsageError, match="no folder"):
        run_batch(pooling_index, source, finished.parent / "none" / "hits.parquet", BY_NETWORK)


def test_two_batches_do_not_write_one_output(
    pooling_index: "SearchIndex", stack: Path, tmp_path: Path
) -> None:
    output = tmp_path / "hits.parquet"
    with Parts.held(output), pytest.raises(UsageError, match="another emsearch batch is writing"):
        run_batch(pooling_index, open_particles(str(stack)), output, BY_NETWORK)


def test_the_schema_of_hits_is_what_is_written(finished: Path) -> None:
    kinds = {"int64": "BIGINT", "string": "VARCHAR", "double": "DOUBLE"}
    written = [
        (field.name, kinds.get(str(field.type), "STRUCT(...)[]")) for field in pq.read_schema(finished)
    ]
    assert written == [(column.name, column.type) for column in HITS.columns]
