"""Statements of strangers end as they have to: without a path of this machine, a change, or a process that stays."""

import dataclasses
import hashlib
import json
import re
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from emsearch_index import sql
from emsearch_index.catalogue import Catalogue
from emsearch_index.errors import QueryError
from emsearch_index.sql import SqlLimits, run_sql
from tests.index.hostile_statements import ANSWERED, CUT, MEMORY, REFUSED, TIME

QUICK = SqlLimits(memory_mib=128, cpu_seconds=1, wall_seconds=10.0, rows=50, result_bytes=20_000)
CHEAP = dict.fromkeys(REFUSED, "refused")
CHEAP |= dict.fromkeys(ANSWERED, "answered") | dict.fromkeys(CUT, "cut")

# Many statements in one child and one connection: what stops at no limit needs none of its own.
_CHILD = """
import contextlib, json, sys
from pathlib import Path
from emsearch_index import sql_child
requests = json.load(sys.stdin)
limits = requests[0]["limits"]
sql_child.limit({**limits, "cpu_seconds": 60})
opened = sql_child.Catalogue.guarded(Path(requests[0]["catalogue"]), limits["memory_mib"])
sql_child.Catalogue.guarded = lambda *_: contextlib.nullcontext(opened)
for request in requests:
    print(json.dumps(sql_child.reply(request)), flush=True)
"""


@dataclasses.dataclass(frozen=True)
class Place:
    """A catalogue in a folder with a name that nothing may tell, and paths beside it."""

    catalogue: Path
    other: Path
    new: Path

    def filled(self, statement: str) -> str:
        return statement.replace("{other}", str(self.other)).replace("{new}", str(self.new))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    folder = tmp_path_factory.mktemp("hidden-place")
    (folder / "index").mkdir()
    (folder / "other.csv").write_text("secret\n1\n", encoding="utf-8")
    with Catalogue.create(folder / "index" / "catalogue.duckdb") as opened:
        opened.upsert("groups", [{"id": f"G{n}", "members": n, "threshold": 0.9} for n in range(3)])
    return Place(folder / "index" / "catalogue.duckdb", folder / "other.csv", folder / "new")


def state(place: Place) -> tuple[list[str], str]:
    files = sorted(str(path) for path in place.other.parent.rglob("*"))
    return files, hashlib.sha256(place.catalogue.read_bytes()).hexdigest()


def outcome(told: dict[str, Any]) -> str:
    if "error" not in told:
        return "cut" if told["truncated"] else "answered"
    message = told["error"]
    assert "\n" not in message and len(message) < 1000
    if re.search("more than .* s of CPU|ran for more than", message):
        return "time"
    short = re.search("Out of Memory|more memory than it may use|for want of memory", message)
    return "memory" if short else "refused"


def leaks(told: dict[str, Any], statement: str) -> list[str]:
    """Return the absolute paths, and parts of paths of this place, that an answer tells and its question does not."""
    text = json.dumps(told, ensure_ascii=False)
    paths = re.findall(r"(?:/[\w.~@-]+){2,}/?|[A-Z]:\\\\\w+", text)
    own = [
        str(Path.home()),
        str(Path.cwd()),
        sys.prefix,
        tempfile.gettempdir(),
        "hidden-place",
        "emsearch-sql-",
    ]
    return [found for found in [*paths, *(part for part in own if part in text)] if found not in statement]


def in_one_child(place: Place, statements: list[str]) -> list[dict[str, Any]]:
    told: dict[int, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory(prefix="emsearch-sql-") as home:
        requests = {}
        for number, statement in enumerate(statements):
            try:
                requests[number] = sql.request(place.catalogue, statement, QUICK, {}, None, home)
            except QueryError as error:
                told[number] = {"error": str(error)}
        child = subprocess.run(
            [sys.executable, "-P", "-c", _CHILD],
            input=json.dumps(list(requests.values())).encode(),
            capture_output=True,
            cwd=home,
            env=sql._environment(home),
            timeout=120,
            check=False,
        )
        answers = [json.loads(json.loads(line)) for line in child.stdout.splitlines()]
        assert len(answers) == len(requests), (
            f"{list(requests.values())[len(answers)]['sql'][:200]} ended the child"
        )
        assert list(Path(home).iterdir()) == []
    told |= dict(zip(requests, answers, strict=True))
    return [told[number] for number in range(len(statements))]


def alone(place: Place, statement: str, limits: SqlLimits) -> dict[str, Any]:
    try:
        return dataclasses.asdict(run_sql(place.catalogue, statement, limits))
    except QueryError as error:
        return {"error": str(error)}


def test_what_is_refused_answered_or_cut_ends_so_and_tells_no_path(place: Place) -> None:
    before = state(place)
    statements = [place.filled(statement) for statement in CHEAP]
    answers = in_one_child(place, statements)
    wrong = [
        (wanted, told, statement[:200])
        for wanted, told, statement in zip(CHEAP.values(), answers, statements, strict=True)
        if outcome(told) != wanted
    ]
    assert wrong == []
    told_too_much = [
        (leaks(told, statement), statement[:200])
        for told, statement in zip(answers, statements, strict=True)
        if leaks(told, statement)
    ]
    assert told_too_much == []
    assert state(place) == before


def test_what_has_no_end_is_stopped_and_leaves_the_catalogue_as_it_was(place: Place) -> None:
    before = state(place)
    slow = dataclasses.replace(QUICK, wall_seconds=2.0)
    big = dataclasses.replace(QUICK, wall_seconds=4.0)
    jobs = [(statement, slow) for statement in TIME] + [(statement, big) for statement in MEMORY]
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda job: alone(place, *job), jobs))
    wrong = [
        (told, statement[:200])
        for told, (statement, _) in zip(answers, jobs, strict=True)
        if outcome(told) not in (("time",) if statement in TIME else ("time", "memory"))
        or leaks(told, statement)
    ]
    assert wrong == []
    assert state(place) == before


def test_there_are_more_than_a_hundred_and_none_is_there_twice() -> None:
    every = [*REFUSED, *ANSWERED, *CUT, *TIME, *MEMORY]
    assert len(every) > 200
    assert [statement for statement, times in Counter(every).items() if times > 1] == []
