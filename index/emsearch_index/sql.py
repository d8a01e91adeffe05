"""SQL of users and strangers against a catalogue, in a child process with limits.

DuckDB opened read-only without external access still names the server's files in its own system tables
and pays no heed to a time limit inside one function, so the statement runs in a process of its own
(`emsearch_index.sql_child`) that the kernel limits, and the system tables are closed.
"""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from emsearch_index.errors import IndexCorruptError, IndexMissingError, QueryError
from emsearch_index.own_folder import own_folder

__all__ = ["QueryResult", "SqlLimits", "request", "run_sql"]

_SQL_LIMIT_CHARACTERS = 100_000

# What tells where files of the server lie, and what runs text that this pattern cannot read. It looks at
# the whole text, constants and comments too: a statement refused in vain does less harm than a leak.
_CLOSED = re.compile(
    r"""duckdb_(?!columns\b|tables\b)\w+ | pragma\w* | pg_settings | current_setting
    | json_execute_serialized_sql | query_table
    | \bquery\b [^\w,.;)=<>+*|-]* \(     # the table function query('...'), not a column of that name
    """,
    re.IGNORECASE | re.VERBOSE,
)
_QUERY_BEHIND_COMMENT = re.compile(r"\bquery\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SqlLimits:
    """What one statement may use; the result is cut at ``rows`` and ``result_bytes`` (as JSON)."""

    memory_mib: int = 512
    cpu_seconds: int = 10
    wall_seconds: float = 20.0
    rows: int = 10_000
    result_bytes: int = 8 << 20


@dataclass(frozen=True, slots=True)
class QueryResult:
    """A result: column names, DuckDB's types, rows, and whether more rows were cut off.

    Values are None, bool, int, float, str, and lists and dicts of these; dates and times are ISO 8601 text.
    """

    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    truncated: bool


def run_sql(
    catalogue: Path,
    sql: str,
    limits: SqlLimits | None = None,
    *,
    parameters: Mapping[str, str] | None = None,
    hits: Path | None = None,
) -> QueryResult:
    """Run one SELECT, WITH, DESCRIBE, SHOW or EXPLAIN statement on a catalogue.

    Parameters
    ----------
    catalogue
        The DuckDB file, checked by `Generation.file`.
    sql
        The statement.
    limits
        What it may use; `SqlLimits` with its defaults where None.
    parameters
        Values of the statement's ``$name``, as text: they are bound, never pasted into the statement.
        DuckDB turns them into what they are compared with; elsewhere the statement casts them.
    hits
        A Parquet file as `emsearch batch` writes it, which the child shows as the view ``hits``.

    Raises
    ------
    QueryError
        The statement is not allowed, fails, or needs more than the limits; or the file of hits is no
        Parquet file that can be read.
    IndexMissingError, IndexCorruptError
        The catalogue is not there or cannot be read.
    """
    limits = limits or SqlLimits()
    if not catalogue.is_file():
        raise IndexMissingError(f"no catalogue at {catalogue}: build an index or name another folder")
    with own_folder("emsearch-sql-") as home:
        asked = request(catalogue, sql, limits, parameters or {}, hits, str(home))
        answer = _ask_child(asked, str(home), limits)
    if "error" in answer:
        error = IndexCorruptError if answer["kind"] == "index" else QueryError
        raise error(answer["error"])
    rows = tuple(tuple(row) for row in answer["rows"])
    return QueryResult(tuple(answer["columns"]), tuple(answer["types"]), rows, answer["truncated"])


def request(
    catalogue: Path, sql: str, limits: SqlLimits, parameters: Mapping[str, str], hits: Path | None, home: str
) -> dict[str, Any]:
    """Return what the child is asked, after what can be refused without it; QueryError where something is."""
    _refuse_closed(sql)
    _refuse_unusable(parameters)
    return {
        "catalogue": str(catalogue.absolute()),
        "sql": sql,
        "parameters": dict(parameters),
        "hits": None if hits is None else str(hits.absolute()),
        "home": home,
        "limits": asdict(limits),
    }


def _refuse_closed(sql: str) -> None:
    if len(sql) > _SQL_LIMIT_CHARACTERS:
        raise QueryError(f"the statement has {len(sql)} characters: at most {_SQL_LIMIT_CHARACTERS} are read")
    if "\0" in sql:
        raise QueryError("the statement holds a NUL character: remove it")
    if not _is_unicode(sql):
        raise QueryError("the statement holds bytes that are no UTF-8: remove them")
    closed = _CLOSED.search(sql)
    if closed:
        name = closed.group().split("(")[0].strip('" \n')
        raise QueryError(f"{name} is closed here: use the tables of the catalogue, or DESCRIBE and SHOW")
    if ("/*" in sql or "--" in sql) and _QUERY_BEHIND_COMMENT.search(sql):
        raise QueryError("a statement with the word query may hold no comments here: remove them")


def _refuse_unusable(parameters: Mapping[str, str]) -> None:
    length = sum(len(name) + len(value) for name, value in parameters.items())
    if length > _SQL_LIMIT_CHARACTERS:
        raise QueryError(f"the parameters have {length} characters: at most {_SQL_LIMIT_CHARACTERS} are read")
    if not all(_is_unicode(name + value) for name, value in parameters.items()):
        raise QueryError("a parameter holds bytes that are no UTF-8: remove them")


def _is_unicode(text: str) -> bool:
    # what the shell passed on undecoded stands as lone surrogates, which no database takes
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _ask_child(asked: dict[str, Any], home: str, limits: SqlLimits) -> dict[str, Any]:
    command = [sys.executable, "-P", "-m", "emsearch_index.sql_child"]
    try:
        child = subprocess.run(
            command,
            input=json.dumps(asked).encode(),
            capture_output=True,
            cwd=home,
            env=_environment(home),
            timeout=limits.wall_seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise QueryError(
            f"the statement ran for more than {limits.wall_seconds:g} s: ask for less"
        ) from error
    if child.returncode == -signal.SIGXCPU:
        raise QueryError(f"the statement used more than {limits.cpu_seconds} s of CPU: ask for less")
    if child.returncode != 0:
        raise QueryError(
            "the statement brought its process down, for want of memory most likely: ask for less"
        )
    answer: dict[str, Any] = json.loads(child.stdout)
    return answer


def _environment(home: str) -> dict[str, str]:
    # the child sees the modules that this process sees and nothing else of its environment
    modules = os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path if entry)
    passed = {
        name: os.environ[name] for name in ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH") if name in os.environ
    }
    return {
        **passed,
        "PYTHONPATH": modules,
        "HOME": home,
        "TMPDIR": home,
        "LC_ALL": "C.UTF-8",
        "MALLOC_ARENA_MAX": "1",  # else each of DuckDB's threads reserves 64 MiB of the address space
        "ARROW_DEFAULT_MEMORY_POOL": "system",  # the other pools reserve 1 GiB of it
    }
