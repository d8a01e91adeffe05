"""User SQL: what may be asked, what is refused, and what a stranger cannot learn or use up."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from emsearch_index import sql
from emsearch_index.catalogue import Catalogue
from emsearch_index.errors import IndexCorruptError, IndexMissingError, QueryError
from emsearch_index.sql import SqlLimits, run_sql

QUICK = SqlLimits(memory_mib=128, cpu_seconds=1, wall_seconds=10.0, rows=50, result_bytes=10_000)


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("hidden-place") / "catalogue.duckdb"
    with Catalogue.create(path) as opened:
        opened.upsert("groups", [{"id": f"G{n}", "members": n, "threshold": 0.9} for n in range(3)])
        opened.upsert("structures", [{"id": "1abc", "release_date": "2020-02-29"}])
    return path


def test_a_join_is_answered_with_names_types_and_values(catalogue: Path) -> None:
    result = run_sql(
        catalogue,
        "SELECT g.id, g.members, g.threshold, s.release_date, NULL AS nothing, [1, 2] AS list, 1.5 AS decimal"
        " FROM groups g, structures s WHERE g.members > 0 ORDER BY g.id",
    )
    assert result.columns == ("id", "members", "threshold", "release_date", "nothing", "list", "decimal")
    assert result.types[:4] == ("VARCHAR", "INTEGER", "DOUBLE", "DATE")
    assert result.rows[1] == ("G2", 2, 0.9, "2020-02-29", None, [1, 2], 1.5)
    assert len(result.rows) == 2 and not result.truncated


@pytest.mark.parametrize(
    ("statement", "first"),
    [
        ("WITH t AS (SELECT max(members) AS m FROM groups) SELECT m FROM t", 2),
        ("FROM groups ORDER BY id", "G0"),
        ("DESCRIBE groups", "id"),
        ("SHOW TABLES", "builds"),
        ("EXPLAIN SELECT * FROM groups", "physical_plan"),
        ("SELECT comment FROM duckdb_columns() WHERE table_name = 'groups'", "Name of the group"),
        ("SELECT 'nan'::DOUBLE", "nan"),
        ("WITH hits(query) AS (SELECT 'x') SELECT query FROM hits", "x"),
        ("SELECT 1 -- a comment", 1),
    ],
)
def test_reading_statements_are_allowed(catalogue: Path, statement: str, first: object) -> None:
    assert run_sql(catalogue, statement).rows[0][0] == first


def test_a_statement_that_takes_too_long_is_stopped(catalogue: Path) -> None:
    limits = SqlLimits(cpu_seconds=60, wall_seconds=1.0)
    with pytest.raises(QueryError, match="more than 1 s: ask for less"):
        run_sql(catalogue, "SELECT sum(a * b) FROM range(1000000000000) t(a), range(10) u(b)", limits)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM range(1000000000000)",
        "WITH RECURSIVE t AS (SELECT 1 a UNION ALL SELECT a + 1 FROM t) SELECT a FROM t",
        "SELECT repeat('x', 900) FROM range(1000)",
    ],
)
def test_long_results_are_cut_and_say_so(catalogue: Path, statement: str) -> None:
    result = run_sql(catalogue, statement, QUICK)
    assert result.truncated
    assert 0 < len(result.rows) <= QUICK.rows


def test_a_result_of_just_the_limit_is_whole(catalogue: Path) -> None:
    assert not run_sql(catalogue, "SELECT * FROM range(50)", QUICK).truncated


def test_folders_of_the_server_are_masked_in_values(catalogue: Path) -> None:
    result = run_sql(catalogue, f"SELECT '{catalogue}' AS path")
    assert result.rows == (("catalogue.duckdb",),)


def _candidates(opened: Catalogue) -> Iterator[str]:
    functions = "SELECT DISTINCT function_name AS n, function_type AS t FROM duckdb_functions()"
    for row in opened.rows(functions):
        arguments = ("", "'groups'", "'/x'", "'allowed_paths'", "'secret_directory'", "1")
        if row["t"] in ("table", "table_macro"):
            yield from (f'SELECT * FROM "{row["n"]}"({argument})' for argument in arguments)
        elif row["t"] in ("scalar", "macro"):
            yield from (f'SELECT "{row["n"]}"({argument})' for argument in arguments)
    for row in opened.rows("SELECT schema_name AS s, view_name AS n FROM duckdb_views()"):
        yield f'SELECT * FROM {row["s"]}."{row["n"]}"'
    yield from (
        "SHOW DATABASES",
        "SHOW ALL TABLES",
        "EXPLAIN ANALYZE FROM groups",
        "SELECT * FROM information_schema.schemata",
    )


def test_no_function_or_view_of_duckdb_that_is_open_tells_where_the_catalogue_lies(catalogue: Path) -> None:
    with Catalogue.guarded(catalogue, 256) as opened:
        statements = list(_candidates(opened))
        assert len(statements) > 1000
        for statement in statements:
            try:
                sql._refuse_closed(statement)
                told = repr(
                    [row for row, _ in zip(opened.select(statement, {})[2], range(2000), strict=False)]
                )
            except QueryError as error:
                told = str(error)
            assert catalogue.parent.name not in told, statement


def test_parameters_are_values_and_never_part_of_the_statement(catalogue: Path) -> None:
    statement = "SELECT id FROM groups WHERE members >= $least AND id <> $other ORDER BY id"
    result = run_sql(catalogue, statement, parameters={"least": "1", "other": "' OR true --"})
    assert result.rows == (("G1",), ("G2",))
    result = run_sql(catalogue, "SELECT $a || $b", parameters={"a": "query('SELECT 1'); ", "b": '-- "é'})
    assert result.rows == (("query('SELECT 1'); -- \"é",),)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, r"no value for its parameter \$least"),
        ({"least": "1", "most": "2"}, r"has no parameter \$most"),
        ({"least": "many"}, "Could not convert string 'many'"),
        ({"least": "9" * 200_000}, "at most 100000"),
        ({"least": "\udc80"}, "no UTF-8"),
    ],
)
def test_parameters_that_do_not_fit_are_refused(
    catalogue: Path, parameters: dict[str, str], message: str
) -> None:
    with pytest.raises(QueryError, match=message):
        run_sql(catalogue, "SELECT id FROM groups WHERE members >= $least", parameters=parameters)


def test_missing_and_broken_catalogues_are_index_errors(tmp_path: Path) -> None:
    with pytest.raises(IndexMissingError):
        run_sql(tmp_path / "catalogue.duckdb", "SELECT 1")
    (tmp_path / "catalogue.duckdb").write_bytes(b"broken" * 1000)
    with pytest.raises(IndexCorruptError, match="not a readable DuckDB database"):
        run_sql(tmp_path / "catalogue.duckdb", "SELECT 1")
