import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from emsearch.archive import politeness
from emsearch.archive.fetching import Fetched, FetchSettings, fetch_entries
from emsearch.archive.ledger import LEDGER, Ledger
from emsearch.archive.politeness import Pace, pause_seconds
from emsearch_index.errors import InputError
from tests.archive.conftest import Archive, entry

if TYPE_CHECKING:
    from collections.abc import Sequence

IDS = ("1aon", "6cvm", "4v4r")


@pytest.fixture(autouse=True)
def _quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(politeness, "_FIRST_PAUSE_SECONDS", 0.01)


def settings(archive: Archive) -> FetchSettings:
    return FetchSettings((archive.root,), requests_per_second=1000, timeout_seconds=0.5)


def outcomes(found: "Sequence[Fetched]") -> list[str]:
    return [one.outcome for one in found]


def test_entries_come_whole_and_are_not_fetched_twice(archive: Archive, tmp_path: Path) -> None:
    seen: list[Fetched] = []
    found = fetch_entries(IDS, tmp_path / "new", settings(archive), seen.append)
    assert [one.id for one in found] == list(IDS) and {one.id for one in seen} == set(IDS)
    assert outcomes(found) == ["fetched"] * 3
    for one in found:
        assert one.path.read_bytes() == entry(one.id) and one.bytes == len(entry(one.id))
    assert {p.name for p in (tmp_path / "new").iterdir()} == {LEDGER, *(f"{i}.cif.gz" for i in IDS)}
    assert all(agent.startswith("emsearch/") for agent in archive.agents)
    again = fetch_entries(IDS, tmp_path / "new", settings(archive))
    assert outcomes(again) == ["already there"] * 3
    assert archive.asked == dict.fromkeys(IDS, 1)


@pytest.mark.parametrize(
    "fault", ["truncated", "short", "stalled", "wrong", "flipped", "page", "busy", "error", "changed"]
)
def test_what_goes_wrong_once_is_tried_again(archive: Archive, tmp_path: Path, fault: str) -> None:
    archive.faults["1aon"] = [fault]
    (found,) = fetch_entries(["1aon"], tmp_path, settings(archive))
    assert found.outcome == "fetched"
    assert found.path.read_bytes() == entry("1aon")
    assert archive.asked["1aon"] == 2
    assert {p.name for p in tmp_path.iterdir()} == {LEDGER, "1aon.cif.gz"}


def test_a_download_goes_on_where_it_stopped(archive: Archive, tmp_path: Path) -> None:
    archive.faults["1aon"] = ["truncated"]
    fetch_entries(["1aon"], tmp_path, settings(archive))
    assert archive.ranges == [f"bytes={len(entry('1aon')) // 2}-"]


def test_a_file_that_changed_meanwhile_is_fetched_from_the_start(archive: Archive, tmp_path: Path) -> None:
    archive.faults["1aon"] = ["changed"]
    (found,) = fetch_entries(["1aon"], tmp_path, settings(archive))
    assert found.outcome == "fetched" and not archive.ranges


@pytest.mark.parametrize(
    ("fault", "asked", "words"),
    [
        ("missing", 1, "HTTP 404"),
        ("forbidden", 1, "HTTP 403"),
        ("error", 4, "HTTP 500"),
        ("flipped", 4, "no whole gzip file"),
        ("wrong", 4, "begins with data_9ZZZ"),
        ("page", 4, "no whole gzip file"),
        ("circle", 21, "redirects without end"),
    ],
)
def test_what_stays_wrong_fails_alone(
    archive: Archive, tmp_path: Path, fault: str, asked: int, words: str
) -> None:
    archive.faults["6cvm"] = [fault] * 9
    found = fetch_entries(IDS, tmp_path, settings(archive))
    assert outcomes(found) == ["fetched", "failed", "fetched"]
    assert words in found[1].reason and "127.0.0.1" in found[1].reason
    assert archive.asked["6cvm"] == asked
    assert not (tmp_path / "6cvm.cif.gz").exists()
    archive.faults.clear()
    assert outcomes(fetch_entries(IDS, tmp_path, settings(archive))) == [
        "already there",
        "fetched",
        "already there",
    ]


def test_another_mirror_is_tried(archive: Archive, tmp_path: Path) -> None:
    nobody = "http://127.0.0.1:9/pub/pdb"
    both = replace(settings(archive), mirrors=(nobody, archive.root), attempts=2)
    (found,) = fetch_entries(["1aon"], tmp_path, both)
    assert found.outcome == "fetched"
    assert archive.root in (tmp_path / LEDGER).read_text()


def test_a_damaged_file_is_fetched_again_and_a_whole_one_of_other_origin_is_not(
    archive: Archive, tmp_path: Path
) -> None:
    fetch_entries(["1aon"], tmp_path, settings(archive))
    (tmp_path / "1aon.cif.gz").write_bytes(entry("1aon")[:-5])
    (tmp_path / "6cvm.cif.gz").write_bytes(entry("6cvm"))
    (tmp_path / "4v4r.cif.gz").write_bytes(b"")
    found = fetch_entries(IDS, tmp_path, settings(archive))
    assert outcomes(found) == ["fetched", "already there", "fetched"]


def test_a_line_cut_off_in_the_ledger_is_made_good(archive: Archive, tmp_path: Path) -> None:
    fetch_entries(IDS[:2], tmp_path, settings(archive))
    text = (tmp_path / LEDGER).read_text()
    (tmp_path / LEDGER).write_text(text[:-20])
    assert outcomes(fetch_entries(IDS, tmp_path, settings(archive))) == [
        "already there",
        "already there",
        "fetched",
    ]
    assert Ledger(tmp_path).holds("4v4r", tmp_path / "4v4r.cif.gz")


def test_a_ledger_that_is_none_is_left_alone(archive: Archive, tmp_path: Path) -> None:
    (tmp_path / LEDGER).write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match=r"fetched\.tsv cannot be read"):
        fetch_entries(IDS, tmp_path, settings(archive))
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be made"):
        fetch_entries(IDS, tmp_path / "file", settings(archive))


def test_a_killed_run_loses_nothing(archive: Archive, tmp_path: Path) -> None:
    """SIGKILL in the middle of a stalled download: what was there stays, and the part is gone on with."""
    archive.faults["6cvm"] = ["stalled"]
    program = (
        "import sys, json; from pathlib import Path; from emsearch.archive.fetching import *;"
        "fetch_entries(json.loads(sys.argv[1]), Path(sys.argv[2]), FetchSettings((sys.argv[3],), parallel=1))"
    )
    command = [sys.executable, "-c", program, json.dumps(IDS), str(tmp_path), archive.root]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, env=environment) as process:
        part = tmp_path / "6cvm.cif.gz.part"
        deadline = time.monotonic() + 60
        while not (part.exists() and part.stat().st_size) and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    assert (tmp_path / "1aon.cif.gz").read_bytes() == entry("1aon")
    found = fetch_entries(IDS, tmp_path, settings(archive))
    assert outcomes(found) == ["already there", "fetched", "fetched"]
    assert all(one.path.read_bytes() == entry(one.id) for one in found)
    assert {p.suffix for p in tmp_path.iterdir()} == {".gz", ".tsv"}


def test_requests_keep_their_distance(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four callers at one moment wait 0, 1/20, 2/20 and 3/20 s; one who comes late does not wait."""
    now, slept = [100.0], list[float]()
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    monkeypatch.setattr("time.sleep", slept.append)
    pace = Pace(20)
    for _ in range(4):
        pace.wait()
    now[0] += 60
    pace.wait()
    assert slept == pytest.approx([0, 0.05, 0.1, 0.15, 0])


def test_pauses_grow_and_heed_the_server() -> None:
    assert pause_seconds(1, None) <= politeness._FIRST_PAUSE_SECONDS
    assert pause_seconds(8, None) > pause_seconds(1, None)
    assert pause_seconds(1, "7") == 7
    assert pause_seconds(1, "86400") == 60
    assert pause_seconds(1, "Wed, 21 Oct 2015 07:28:00 GMT") == 0
    assert pause_seconds(1, "soon") <= politeness._FIRST_PAUSE_SECONDS
