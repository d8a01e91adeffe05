"""A STAR file keeps what it says and gains what was found."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import starfile
from numpy.typing import NDArray

from emsearch.batch.run import run_batch
from emsearch.batch.settings import BatchSettings
from emsearch.imaging.stack_files import write_stack
from emsearch.particles.source import open_particles
from emsearch_index.errors import InputError

if TYPE_CHECKING:
    from emsearch.search.engine import SearchIndex

BY_NETWORK = BatchSettings(contrast="bright", top=3, rerank=0)
SIX = 6  # particles, one of them bad

pytestmark = pytest.mark.usefixtures("small_chunks")


@pytest.fixture
def table(images: NDArray[np.float32], tmp_path: Path) -> Path:
    """Return a table of six particles with optics, classes and micrographs, one name with a space."""
    chosen = images[:SIX].copy()
    chosen[4] = 7.0
    metadata: dict[str, Any] = {
        "rlnClassNumber": np.arange(SIX) % 2 + 1,
        "rlnMicrographName": [f"grid 1/m{k % 3}.mrc" for k in range(SIX)],
        "rlnDefocusU": np.linspace(8000, 12000, SIX),
        "emsStructure": ["truth"] * SIX,
    }
    write_stack(
        tmp_path / "s.mrcs",
        chosen,
        3.0,
        star=tmp_path / "s.star",
        metadata=metadata,
        optics={"rlnVoltage": 300.0},
    )
    return tmp_path / "s.star"


def test_every_column_and_block_comes_back_and_the_answers_beside_them(
    pooling_index: "SearchIndex", table: Path, tmp_path: Path
) -> None:
    source = open_particles(str(table))
    run_batch(pooling_index, source, tmp_path / "hits.star", BY_NETWORK)
    run_batch(pooling_index, source, tmp_path / "hits.parquet", BY_NETWORK)
    before, after = (starfile.read(path, always_dict=True) for path in (table, tmp_path / "hits.star"))
    assert list(before) == list(after) == ["optics", "particles"]
    assert after["optics"].equals(before["optics"])
    own = list(before["particles"].columns)
    assert list(after["particles"].columns[: len(own)]) == own
    assert after["particles"][own].equals(before["particles"])
    rows = pq.read_table(tmp_path / "hits.parquet")
    found = after["particles"]
    assert [g if g != "None" else None for g in found["emsHitGroup"].fillna("None")] == rows.column(
        "group"
    ).to_pylist()
    probability = np.array(rows.column("probability").to_pylist(), float)
    np.testing.assert_allclose(found["emsHitProbability"].astype(float), probability, rtol=1e-5)
    assert "no contrast" in found["emsError"][4]


def test_a_line_that_is_no_row_is_refused(pooling_index: "SearchIndex", table: Path, tmp_path: Path) -> None:
    text = table.read_text()
    broken = text.replace("8000 truth", "8000\ntruth")
    assert broken != text
    (tmp_path / "broken.star").write_text(broken)
    source = open_particles(str(tmp_path / "broken.star"))
    with pytest.raises(InputError, match="one line a particle"):
        run_batch(pooling_index, source, tmp_path / "hits.star", BY_NETWORK)


def test_a_table_that_was_searched_is_not_searched_again_into_the_same_columns(
    pooling_index: "SearchIndex", table: Path, tmp_path: Path
) -> None:
    run_batch(pooling_index, open_particles(str(table)), tmp_path / "hits.star", BY_NETWORK)
    with pytest.raises(InputError, match="_emsInDatabaseProbability of an earlier search"):
        run_batch(
            pooling_index, open_particles(str(tmp_path / "hits.star")), tmp_path / "again.star", BY_NETWORK
        )


def test_a_stack_without_a_table_gets_one(pooling_index: "SearchIndex", stack: Path, tmp_path: Path) -> None:
    run_batch(pooling_index, open_particles(str(stack)), tmp_path / "hits.star", BY_NETWORK)
    found = starfile.read(tmp_path / "hits.star")
    assert list(found["rlnImageName"][:2]) == ["1@particles.mrcs", "2@particles.mrcs"]
    assert len(found) == 23
