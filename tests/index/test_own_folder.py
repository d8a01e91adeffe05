"""Temporary folders, and those that processes which were killed left behind."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from emsearch_index.catalogue import Catalogue
from emsearch_index.own_folder import own_folder
from emsearch_index.sql import run_sql

PROCESS = (
    "import time; from emsearch_index.own_folder import own_folder\n"
    "with own_folder('{prefix}') as f: print(f, flush=True); time.sleep(60)"
)


def started(prefix: str, within: Path) -> "subprocess.Popen[bytes]":
    environment = {**os.environ, "TMPDIR": str(within), "PYTHONPATH": os.pathsep.join(sys.path)}
    program = PROCESS.format(prefix=prefix)
    return subprocess.Popen([sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE)


def folder_of(process: "subprocess.Popen[bytes]") -> Path:
    assert process.stdout is not None
    return Path(process.stdout.readline().decode().strip())


def test_what_a_killed_process_left_is_removed_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "emsearch-test-file").write_text("kept")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "emsearch-test-link").symlink_to(tmp_path / "elsewhere")
    with started("emsearch-test-", tmp_path) as process:
        left = folder_of(process)
        (left / "image-1").write_text("private")
        with own_folder("emsearch-test-") as own:
            assert left.is_dir() and own.stat().st_mode & 0o77 == 0  # its process runs
        process.send_signal(signal.SIGKILL)
    with own_folder("emsearch-test-") as own:
        assert not left.exists()
        assert sorted(p.name for p in tmp_path.iterdir()) == sorted(
            ["elsewhere", "emsearch-test-file", "emsearch-test-link", own.name]
        )
    assert not own.exists()


def test_the_next_statement_removes_what_a_killed_one_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "catalogue.duckdb"
    with Catalogue.create(path) as catalogue:
        catalogue.upsert("groups", [{"id": "G0", "members": 1}])
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with started("emsearch-sql-", tmp_path) as process:
        left = folder_of(process)
        run_sql(path, "SELECT 1")
        assert left.is_dir()
        process.send_signal(signal.SIGKILL)
    run_sql(path, "SELECT 1")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["catalogue.duckdb"]
