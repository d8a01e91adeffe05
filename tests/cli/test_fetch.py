import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from emsearch.archive import politeness
from tests.archive.conftest import Archive, archive

__all__ = ["archive"]  # the fixture


@pytest.fixture(autouse=True)
def _quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(politeness, "_FIRST_PAUSE_SECONDS", 0.01)


@pytest.fixture
def fetch(run: Callable[..., Any], archive: Archive, tmp_path: Path) -> Callable[..., Any]:
    def fetch_here(*arguments: str) -> Any:
        return run(
            "fetch", *arguments, "--mirror", archive.root, "--search-service", archive.search,
            "-o", str(tmp_path / "out"), "--rate", "50",
        )  # fmt: skip

    return fetch_here


def test_identifiers_lists_and_queries_together(
    fetch: Callable[..., Any], archive: Archive, tmp_path: Path
) -> None:
    listed = tmp_path / "list.txt"
    listed.write_text("6cvm\n")
    archive.hits = ["4V4R", "6CVM"]
    done = fetch("1AON", "--list", str(listed), "--query", "mass_kda>=250", "--format", "json")
    assert done.code == 0
    assert [row["id"] for row in json.loads(done.out)] == ["1aon", "6cvm", "4v4r"]
    assert "2 entries meet the query" in done.err and "3 fetched (0.1 MB), 0 already there" in done.err
    assert fetch("1aon", "-q", "--format", "tsv").out.splitlines()[1].startswith("1aon\talready there\t")


def test_a_dry_run_fetches_nothing(fetch: Callable[..., Any], archive: Archive, tmp_path: Path) -> None:
    done = fetch("1aon", "6cvm", "4v4r", "--dry-run", "--limit", "2", "--format", "tsv")
    assert (done.code, done.out) == (0, "id\n1aon\n6cvm\n")
    assert not archive.asked and not (tmp_path / "out").exists()


def test_what_fails_is_named(fetch: Callable[..., Any], archive: Archive) -> None:
    archive.faults["6cvm"] = ["missing"]
    done = fetch("1aon", "6cvm")
    assert done.code == 5
    assert "emsearch: 1 of 2 entries could not be fetched: 6cvm (127.0.0.1: HTTP 404 Not Found)" in done.err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), 2, "nothing is asked for"),
        (("1aon", "--mirror", "gopher://x"), 2, "is no mirror"),
        (("one",), 3, "'one' is no PDB identifier"),
        (("--query", "heavy"), 3, "is no condition"),
    ],
)
def test_what_cannot_be_fetched(
    fetch: Callable[..., Any], arguments: tuple[str, ...], code: int, words: str
) -> None:
    done = fetch(*arguments)
    assert done.code == code and words in done.err
