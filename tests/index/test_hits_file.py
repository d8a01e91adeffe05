"""The hits of a batch in SQL: a Parquet file from outside, read in the child."""

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from emsearch_index.catalogue import Catalogue
from emsearch_index.errors import InputError, QueryError
from emsearch_index.hits_file import opened_hits
from emsearch_index.sql import SqlLimits, run_sql

PATIENT = SqlLimits(wall_seconds=120.0)


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("index") / "catalogue.duckdb"
    with Catalogue.create(path) as opened:
        opened.upsert("groups", [{"id": f"G{n}", "name": f"group {n}"} for n in range(3)])
    return path


@pytest.fixture(scope="module")
def hits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    groups = ["G0", "G1", "G1", None]
    rows = pa.table(
        {
            "row": range(1, 5),
            "particle": [f"{n}@/data/particles.mrcs" for n in range(1, 5)],
            "group": groups,
            "hits": [[{"group": group, "probability": 0.5}] * 2 if group else [] for group in groups],
        }
    )
    path = tmp_path_factory.mktemp("batch") / "my hits.parquet"
    pq.write_table(rows, path, row_group_size=2, compression="none")
    return path


def test_hits_join_with_the_catalogue(catalogue: Path, hits: Path) -> None:
    statement = (
        'SELECT g.name, count(*) FROM hits h JOIN groups g ON g.id = h."group" GROUP BY ALL ORDER BY 1'
    )
    assert run_sql(catalogue, statement, PATIENT, hits=hits).rows == (("group 0", 1), ("group 1", 2))


def test_lists_of_hits_unfold_and_names_of_particles_stay(catalogue: Path, hits: Path) -> None:
    statement = "SELECT particle, unnest(hits, recursive := true) FROM hits WHERE row = 2"
    result = run_sql(catalogue, statement, PATIENT, hits=hits)
    assert result.columns == ("particle", "group", "probability")
    assert result.rows == (("2@/data/particles.mrcs", "G1", 0.5),) * 2


def test_a_damaged_file_ends_in_one_sentence(catalogue: Path, hits: Path, tmp_path: Path) -> None:
    content = bytearray(hits.read_bytes())
    content[4:400] = os.urandom(396)
    damaged = tmp_path / "damaged.parquet"
    damaged.write_bytes(content)
    with pytest.raises(QueryError) as caught:
        run_sql(catalogue, "SELECT max(particle), max(hits) FROM hits", PATIENT, hits=damaged)
    assert "\n" not in str(caught.value) and str(tmp_path) not in str(caught.value)


def test_what_is_no_regular_parquet_file_is_refused_without_being_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.parquet")
    (tmp_path / "text.parquet").write_text("not Parquet", encoding="utf-8")
    (tmp_path / "empty.parquet").touch()
    with (tmp_path / "huge.parquet").open("wb") as file:
        file.truncate(9 << 30)
    for name, message in {
        "fifo": "no regular file",
        "text": "no Parquet file",
        "empty": "no Parquet file",
        "huge": "bytes, more than",
        "none": "does not exist",
    }.items():
        with pytest.raises(InputError, match=message) as caught:
            opened_hits(tmp_path / f"{name}.parquet")
        assert str(tmp_path) not in str(caught.value)
    with pytest.raises(InputError, match="no regular file"):
        opened_hits(Path("/dev/zero"))
