"""The catalogue: everything known about structures, groups and views, in one DuckDB file.

This is the only module that imports duckdb. Transactions and the write-ahead log are DuckDB's: a
process killed at any moment leaves the last committed state.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import duckdb

from emsearch_index.columns import arrow_table
from emsearch_index.errors import IndexCorruptError, IndexMissingError, QueryError, UsageError
from emsearch_index.schema import TABLES, Table, table

if TYPE_CHECKING:  # the child of sql.py imports this module and has little memory to spend
    from numpy.typing import NDArray

__all__ = ["Catalogue"]

# Files stay readable to every DuckDB that the package allows, whichever of them wrote the index.
_STORAGE_VERSION = "v1.2.0"

# DuckDB's own messages name what was asked for, which may be the whole of a long statement.
_LONGEST_MESSAGE = 500

# The words before what is explained. No comments: DuckDB nests them, so that only DuckDB may read them.
_EXPLAIN = re.compile(r"\s*EXPLAIN\b\s*(?:ANALY[SZ]E\b\s*)?(?:\(\s*(?:ANALY[SZ]E|FORMAT)\b[^()]*\))?", re.I)

_GUARDED = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "temp_directory": "",
    "python_enable_replacements": "false",  # else FROM finds variables of this program
    "threads": "1",
    "lock_configuration": "true",
}


class Catalogue:
    """An open catalogue, a context manager.

    Parameters
    ----------
    path
        The DuckDB file.
    read_only
        Refuse every change, and let others read at the same time. A file open for writing is locked.

    Raises
    ------
    IndexMissingError
        There is no such file.
    IndexCorruptError
        The file is no DuckDB database, or a damaged one.
    UsageError
        Another process, or this one in the other mode, has the file open.
    """

    def __init__(self, path: Path, read_only: bool = True) -> None:
        if not path.is_file():
            raise IndexMissingError(f"no catalogue at {path}: build an index or name another folder")
        self._connection = _connect(path, read_only, {})
        self._read_only = read_only

    @classmethod
    def create(cls, path: Path) -> Self:
        """Open the catalogue at ``path`` for writing, creating the file and any table that is not there."""
        if not path.exists():
            _connect(path, False, {"storage_compatibility_version": _STORAGE_VERSION}).close()
        catalogue = cls(path, read_only=False)
        with catalogue.transaction():
            for definition in TABLES:
                catalogue._create_table(definition)
        return catalogue

    @classmethod
    def guarded(cls, path: Path, memory_mib: int) -> Self:
        """Open read-only for strangers' statements: no files, extensions or settings, bounded memory."""
        catalogue = cls.__new__(cls)
        catalogue._connection = _connect(path, True, {**_GUARDED, "memory_limit": f"{memory_mib}MiB"})
        catalogue._read_only = True
        return catalogue

    def __enter__(self) -> Self:
        """Return the open catalogue."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the catalogue."""
        self.close()

    def close(self) -> None:
        """Write the log into the database file, so that the file alone is the catalogue, and close it."""
        if not self._read_only:
            self._connection.execute("CHECKPOINT")
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make the changes inside the block visible together, or none of them where it raises."""
        self._connection.begin()
        try:
            yield
        except BaseException:
            self._connection.rollback()
            raise
        self._connection.commit()

    def upsert(self, table_name: str, rows: Iterable[Mapping[str, object]]) -> None:
        """Insert rows, or replace what the row with the same key holds in the columns given.

        All rows name the same columns; columns not named keep their value, or are NULL in a new row.
        The last of two rows with one key wins.

        Raises
        ------
        ValueError
            A table or column that does not exist, rows that name different columns, or a value that
            does not fit the column's type.
        """
        listed = list(rows)
        if not listed:
            return
        names = listed[0].keys()
        for row in listed:
            if row.keys() != names:
                differing = ", ".join(sorted(names ^ row.keys()))
                raise ValueError(f"rows for table {table_name} do not all name the same columns: {differing}")
        self.upsert_columns(table_name, {name: [row[name] for row in listed] for name in names})

    def upsert_columns(self, table_name: str, columns: Mapping[str, "NDArray[Any] | list[Any]"]) -> None:
        """Do as `upsert` for whole columns of equal length, for hundreds of thousands of rows at once.

        A numpy array of shape (n, m) fills a list column, m numbers a row.
        """
        definition = table(table_name)
        missing = [name for name in definition.key if name not in columns]
        if missing:
            raise ValueError(f"rows for table {table_name} lack the key column {', '.join(missing)}")
        self._connection.register("incoming", arrow_table(definition, columns))
        try:
            self._connection.execute(
                f"INSERT OR REPLACE INTO {definition.name} BY NAME SELECT * FROM incoming"
            )
        finally:
            self._connection.unregister("incoming")

    def replace_all(self, table_name: str, columns: Mapping[str, "NDArray[Any] | list[Any]"]) -> None:
        """Put ``columns`` in the place of everything the table holds, in one transaction."""
        with self.transaction():
            self.delete(table_name)
            self.upsert_columns(table_name, columns)

    def delete(self, table_name: str, **equal: object) -> None:
        """Delete the rows whose columns equal the values given; without any, all rows."""
        definition = table(table_name)
        tests = [f"{definition.column(name).name} IS NOT DISTINCT FROM ?" for name in equal]
        where = f" WHERE {' AND '.join(tests)}" if tests else ""
        self._connection.execute(f"DELETE FROM {definition.name}{where}", list(equal.values()))

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[dict[str, Any]]:
        """Return the rows of a statement of this program; ``parameters`` fill its question marks."""
        with _reading():
            cursor = self._connection.execute(sql, list(parameters))
            names = [column[0] for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def columns(self, sql: str, parameters: Sequence[object] = ()) -> "dict[str, NDArray[Any]]":
        """Return the result as numpy columns; a column with NULLs comes as a masked array."""
        with _reading():
            found: dict[str, NDArray[Any]] = self._connection.execute(sql, list(parameters)).fetchnumpy()
            return found

    def register(self, name: str, data: object) -> None:
        """Show Arrow data under a name, like a table, until the catalogue is closed.

        Raises
        ------
        QueryError
            Data of a type that DuckDB does not know.
        """
        with _answering():
            self._connection.register(name, data)

    def select(
        self, sql: str, parameters: Mapping[str, str]
    ) -> tuple[list[str], list[str], Iterator[tuple[Any, ...]]]:
        """Run one statement of a stranger: its column names, their types and an iterator over its rows.

        ``parameters`` are values for ``$name``, bound and never part of the text.

        Raises
        ------
        QueryError
            More or less than one statement, one that is not a SELECT or the EXPLAIN of a SELECT, one whose
            parameters are not those given, or one that fails; the iterator raises it too.
        """
        with _answering():
            statement = _only_statement(sql)
            _check_parameters(statement.named_parameters, parameters)
            cursor = self._connection.execute(statement, dict(parameters) or None)
            description = cursor.description or ()
            return [c[0] for c in description], [str(c[1]) for c in description], _fetched(cursor)

    def _create_table(self, definition: Table) -> None:
        columns = ", ".join(f"{column.name} {column.type}" for column in definition.columns)
        key = ", ".join(definition.key)
        run = self._connection.execute
        run(f"CREATE TABLE IF NOT EXISTS {definition.name} ({columns}, PRIMARY KEY ({key}))")
        run(f"COMMENT ON TABLE {definition.name} IS {_quoted(definition.comment)}")
        for column in definition.columns:
            run(f"COMMENT ON COLUMN {definition.name}.{column.name} IS {_quoted(column.comment)}")


def _connect(path: Path, read_only: bool, settings: dict[str, str]) -> duckdb.DuckDBPyConnection:
    try:
        return duckdb.connect(str(path), read_only=read_only, config=dict(settings))
    except duckdb.Error as error:
        text = str(error)
        if "lock on file" in text or "different configuration" in text:
            raise UsageError(
                f"the catalogue {path} is open elsewhere: wait until that has ended, or stop it"
            ) from error
        raise IndexCorruptError(f"{path} is not a readable DuckDB database ({_first_line(error)})") from error


def _only_statement(sql: str) -> duckdb.Statement:
    """Return the one statement of a text, which reads and does nothing else."""
    statement = _one_of(sql)
    if statement.type == duckdb.StatementType.EXPLAIN:
        # EXPLAIN ANALYZE runs what it explains, and would run a LOAD as well
        start = _EXPLAIN.match(sql)
        if start is None:
            raise QueryError("EXPLAIN may follow no comments here: remove them")
        _check_reads(_one_of(sql[start.end() :]), "EXPLAIN of ")
    else:
        _check_reads(statement, "")
    return statement


def _one_of(sql: str) -> duckdb.Statement:
    statements = duckdb.extract_statements(sql)
    if len(statements) != 1:
        raise QueryError(f"found {len(statements)} SQL statements where one is expected")
    return statements[0]


def _check_reads(statement: duckdb.Statement, before: str) -> None:
    kind = statement.type
    if kind != duckdb.StatementType.SELECT:
        raise QueryError(
            f"{before}{kind.name} statements are not allowed: use SELECT, WITH, DESCRIBE, SHOW or EXPLAIN"
        )


def _check_parameters(wanted: set[str], given: Mapping[str, str]) -> None:
    missing, unknown = sorted(wanted - given.keys()), sorted(given.keys() - wanted)
    if missing:
        raise QueryError(f"the statement has no value for its parameter ${missing[0]}: give it one")
    if unknown:
        raise QueryError(f"the statement has no parameter ${unknown[0]}, for which there is a value")


def _fetched(cursor: duckdb.DuckDBPyConnection) -> Iterator[tuple[Any, ...]]:
    with _answering():
        while (row := cursor.fetchone()) is not None:
            yield row


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except (duckdb.IOException, duckdb.InternalException, duckdb.FatalException) as error:
        raise IndexCorruptError(f"the catalogue cannot be read ({_first_line(error)})") from error


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except duckdb.Error as error:
        raise QueryError(f"the statement failed: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    line = str(error).split("\n", 1)[0]
    return line if len(line) <= _LONGEST_MESSAGE else f"{line[:_LONGEST_MESSAGE]} ..."


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
