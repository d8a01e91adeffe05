"""The catalogue: tables, upserts, transactions, and files that are no catalogue."""

import os
import signal
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from emsearch_index.catalogue import Catalogue
from emsearch_index.errors import IndexCorruptError, IndexMissingError, QueryError
from emsearch_index.schema import TABLES, table


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "catalogue.duckdb"


def test_every_column_is_there_with_its_type_and_comment(path: Path) -> None:
    with Catalogue.create(path) as catalogue:
        found = {
            (row["table_name"], row["column_name"]): (row["data_type"], row["comment"])
            for row in catalogue.rows("SELECT * FROM duckdb_columns() WHERE NOT internal")
        }
    types = {"REAL": "FLOAT"}
    expected = {(t.name, c.name): (types.get(c.type, c.type), c.comment) for t in TABLES for c in t.columns}
    assert found == expected


def test_keys_name_columns_of_their_table() -> None:
    for definition in TABLES:
        assert all(definition.column(name) for name in definition.key)


def test_creating_again_keeps_the_rows(path: Path) -> None:
    with Catalogue.create(path) as catalogue:
        catalogue.upsert("groups", [{"id": "G1", "members": 3}])
    with Catalogue.create(path) as catalogue:
        assert catalogue.rows("SELECT id, members FROM groups") == [{"id": "G1", "members": 3}]


def test_the_file_is_readable_to_the_oldest_duckdb_allowed(path: Path) -> None:
    with Catalogue.create(path) as catalogue:
        tags = catalogue.rows("SELECT tags FROM duckdb_databases() WHERE NOT internal")[0]["tags"]
    assert tags["storage_version"].startswith("v1.2.0")


def test_upsert_is_idempotent_and_changes_only_the_columns_named(path: Path) -> None:
    row = {
        "id": "6cvm",
        "title": "galactosidase",
        "mass_da": 464e3,
        "release_date": "2018-06-06",
        "residues": 4088,
    }
    with Catalogue.create(path) as catalogue:
        for _ in range(2):
            catalogue.upsert("structures", [row])
        catalogue.upsert("structures", [{"id": "6cvm", "group_id": "G0042"}])
        found = catalogue.rows("SELECT id, title, mass_da, release_date, residues, group_id FROM structures")
    assert found == [{**row, "release_date": date(2018, 6, 6), "group_id": "G0042"}]


def test_lists_and_missing_values_round_trip(path: Path) -> None:
    rotation = np.arange(9.0)
    member = {"group_id": "G1", "structure_id": "a", "rotation": rotation, "translation_angstrom": None}
    with Catalogue.create(path) as catalogue:
        catalogue.upsert("group_members", [member])
        catalogue.upsert("group_members", [])
        found = catalogue.rows("SELECT rotation, translation_angstrom FROM group_members")[0]
    assert found == {"rotation": rotation.tolist(), "translation_angstrom": None}


def test_two_dimensional_arrays_fill_list_columns(path: Path) -> None:
    with Catalogue.create(path) as catalogue:
        catalogue.upsert_columns(
            "group_members",
            {
                "group_id": ["G", "G"],
                "structure_id": ["a", "b"],
                "rotation": np.stack([np.eye(3).ravel()] * 2),
            },
        )
        assert catalogue.rows("SELECT len(rotation) AS n FROM group_members") == [{"n": 9}, {"n": 9}]


def test_many_views_come_back_as_numpy_columns(path: Path) -> None:
    count = 20_000
    columns: dict[str, NDArray[Any] | list[Any]] = {
        "vector_id": np.arange(count),
        "size_class": np.full(count, "large"),
        "fill": np.linspace(0, 1, count, dtype=np.float32),
        "defocus_um": [None] * count,
    }
    with Catalogue.create(path) as catalogue:
        catalogue.upsert_columns("views", columns)
        found = catalogue.columns("SELECT vector_id, fill, defocus_um FROM views ORDER BY vector_id")
        few = catalogue.columns("SELECT fill FROM views WHERE vector_id = ? AND size_class = ?", [3, "large"])
    np.testing.assert_array_equal(found["vector_id"], columns["vector_id"])
    np.testing.assert_array_equal(found["fill"], columns["fill"])
    assert np.ma.getmaskarray(found["defocus_um"]).all()
    assert few["fill"] == np.float32(3 / (count - 1))


def test_vector_ids_are_unique_within_a_size_class_only(path: Path) -> None:
    with Catalogue.create(path) as catalogue:
        for size_class in ("small", "large", "large"):
            catalogue.upsert("views", [{"vector_id": 0, "size_class": size_class}])
        assert catalogue.rows("SELECT count(*) AS n FROM views") == [{"n": 2}]


@pytest.mark.parametrize(
    ("name", "rows", "message"),
    [
        ("structures", [{"id": "a", "mass": 1.0}], "no column 'mass'"),
        ("structure", [{"id": "a"}], "no table 'structure'"),
        ("structures", [{"title": "a"}], "lack the key column id"),
        ("structures", [{"id": "a", "chains": 3.7}], r"structures\.chains is no INTEGER"),
        ("structures", [{"id": "a", "mass_da": "heavy"}], r"structures\.mass_da is no DOUBLE"),
        ("structures", [{"id": 4}], r"structures\.id is no VARCHAR"),
        ("structures", [{"id": "a", "release_date": "soon"}], r"structures\.release_date is no DATE"),
        ("structures", [{"id": "a"}, {"id": "b", "title": "t"}], "same columns: title"),
    ],
)
def test_rows_that_do_not_fit_are_refused(
    path: Path, name: str, rows: list[dict[str, object]], message: str
) -> None:
    with Catalogue.create(path) as catalogue:
        with pytest.raises(ValueError, match=message):
            catalogue.upsert(name, rows)
        assert catalogue.rows("SELECT * FROM structures") == []


def test_columns_of_unequal_length_are_refused(path: Path) -> None:
    with Catalogue.create(path) as catalogue, pytest.raises(ValueError, match="differ in length"):
        catalogue.upsert_columns("groups", {"id": ["a", "b"], "members": [1]})


def test_replace_all_leaves_the_old_rows_when_the_new_do_not_fit(path: Path) -> None:
    pairs: dict[str, list[Any]] = {"structure_a": ["a", "a"], "structure_b": ["b", "c"], "score": [0.5, 0.6]}
    with Catalogue.create(path) as catalogue:
        catalogue.replace_all("similarities", pairs)
        catalogue.replace_all("similarities", pairs)
        with pytest.raises(ValueError, match="no column"):
            catalogue.replace_all("similarities", {**pairs, "colour": [1, 2]})
        assert catalogue.rows("SELECT count(*) AS n FROM similarities") == [{"n": 2}]


def test_delete_takes_the_rows_that_equal(path: Path) -> None:
    with Catalogue.create(path) as catalogue:
        catalogue.upsert(
            "left_out", [{"source": s, "reason": r} for s, r in [("a", "x"), ("b", None), ("c", None)]]
        )
        catalogue.delete("left_out", source="a", reason="y")
        catalogue.delete("left_out", reason=None)
        assert catalogue.rows("SELECT source FROM left_out") == [{"source": "a"}]
        with pytest.raises(ValueError, match="no column 'why'"):
            catalogue.delete("left_out", why="x")


def test_a_transaction_that_fails_leaves_nothing(path: Path) -> None:
    with Catalogue.create(path) as catalogue:
        with pytest.raises(KeyError), catalogue.transaction():
            catalogue.upsert("groups", [{"id": "G1"}])
            raise KeyError
        assert catalogue.rows("SELECT * FROM groups") == []


def test_a_killed_writer_leaves_the_last_committed_state(path: Path) -> None:
    with Catalogue.create(path):
        pass
    script = """if True:
        import sys
        from pathlib import Path
        from emsearch_index.catalogue import Catalogue
        catalogue = Catalogue.create(Path(sys.argv[1]))
        catalogue.upsert("groups", [{"id": "committed"}])
        catalogue._connection.begin()
        catalogue.delete("groups")
        catalogue.upsert("groups", [{"id": "not committed"}])
        print("ready", flush=True)
        sys.stdin.read()
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", script, str(path)]
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        child.send_signal(signal.SIGKILL)
    with Catalogue(path) as catalogue:
        assert catalogue.rows("SELECT id FROM groups") == [{"id": "committed"}]


def test_closing_leaves_one_file(path: Path) -> None:
    with Catalogue.create(path) as catalogue:
        catalogue.upsert("groups", [{"id": "G1"}])
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_read_only_refuses_changes(path: Path) -> None:
    Catalogue.create(path).close()
    with Catalogue(path) as catalogue, pytest.raises(Exception, match="read-only"):
        catalogue.delete("groups")


def test_missing_and_broken_files_are_named(path: Path) -> None:
    with pytest.raises(IndexMissingError, match=r"no catalogue at .*catalogue\.duckdb"):
        Catalogue(path)
    path.write_bytes(b"not a database" * 1000)
    with pytest.raises(IndexCorruptError, match="not a readable DuckDB database"):
        Catalogue(path)
    with pytest.raises(IndexCorruptError):
        Catalogue.create(path)


def test_select_takes_one_reading_statement(path: Path) -> None:
    Catalogue.create(path).close()
    with Catalogue.guarded(path, 128) as catalogue:
        columns, types, rows = catalogue.select("WITH t AS (SELECT 1 AS a) SELECT a, 'x' AS b FROM t", {})
        assert (columns, types, list(rows)) == (["a", "b"], ["INTEGER", "VARCHAR"], [(1, "x")])
        with pytest.raises(QueryError, match="found 2 SQL statements"):
            catalogue.select("SELECT 1; SELECT 2", {})
        with pytest.raises(QueryError, match="SET statements are not allowed"):
            catalogue.select("SET threads = 8", {})


def test_unknown_tables_are_named() -> None:
    with pytest.raises(ValueError, match="no table 'planets'; its tables are structures, groups"):
        table("planets")
