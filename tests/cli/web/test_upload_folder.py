"""The folder of uploads, and those that pages which were killed left behind."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from emsearch_cli.web.upload_folder import upload_folder

_PAGE = "import emsearch_cli.web.upload_folder as u, time\nwith u.upload_folder() as f: print(f, flush=True); time.sleep(60)"


def test_what_a_killed_page_left_is_removed_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    (tmp_path / "emsearch-serve-file").write_text("kept")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "emsearch-serve-link").symlink_to(tmp_path / "elsewhere")
    with subprocess.Popen([sys.executable, "-c", _PAGE], env=environment, stdout=subprocess.PIPE) as page:
        assert page.stdout is not None
        left = Path(page.stdout.readline().decode().strip())
        (left / "image-1").write_text("private")
        with upload_folder() as own:
            assert left.is_dir() and own.stat().st_mode & 0o77 == 0  # its page runs
        page.send_signal(signal.SIGKILL)
    with upload_folder() as own:
        assert not left.exists()
        assert sorted(p.name for p in tmp_path.iterdir()) == sorted(
            ["elsewhere", "emsearch-serve-file", "emsearch-serve-link", own.name]
        )
    assert not own.exists()
