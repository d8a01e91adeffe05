"""`emsearch serve` from its start to Ctrl-C; what it serves is tested in `tests/cli/web`."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from emsearch_cli.messages import Messages
from emsearch_cli.serve import _check_host
from emsearch_index.errors import UsageError

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.0.7", "::", "workstation", ""])
def test_other_machines_are_let_in_on_demand_alone(host: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UsageError, match="--allow-network"):
        _check_host(host, False, Messages())
    _check_host(host, True, Messages())
    assert "nothing is encrypted" in capsys.readouterr().err


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_our_own_addresses_need_no_permission(host: str, capsys: pytest.CaptureFixture[str]) -> None:
    _check_host(host, False, Messages())
    assert capsys.readouterr().err == ""


def test_a_port_in_use_is_one_sentence(run: Callable[..., Any], tmp_path: Path) -> None:
    if not (ROOT / "index/emsearch_index/default/CURRENT").exists():
        pytest.skip("the index that ships is not there: it was not built yet")
    with socket.create_server(("127.0.0.1", 0)) as other:
        outcome = run("serve", "--port", str(other.getsockname()[1]))
    assert outcome.code == 2 and outcome.err.count("\n") == 1 and "another --port" in outcome.err


def test_an_index_that_is_not_there_is_told_at_once(run: Callable[..., Any], tmp_path: Path) -> None:
    assert run("serve", "--index", str(tmp_path)).code == 4


def test_from_start_to_ctrl_c(tmp_path: Path) -> None:
    if not (ROOT / "index/emsearch_index/default/CURRENT").exists():
        pytest.skip("the index that ships is not there: it was not built yet")
    paths = os.pathsep.join(str(ROOT / part) for part in (".", "index", "cli"))
    environment = {**os.environ, "PYTHONPATH": paths, "TMPDIR": str(tmp_path)}
    page = subprocess.Popen(
        [sys.executable, "-m", "emsearch_cli", "serve", "--port", "0"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with page:
        assert page.stdout is not None and page.stderr is not None
        address, token = page.stdout.readline().strip().split("/?token=")
        assert address.startswith("http://127.0.0.1:") and len(token) >= 32
        facts = Request(f"{address}/api/index", headers={"Authorization": f"Bearer {token}"})
        assert b'"groups"' in urlopen(facts, timeout=120).read()
        assert list(tmp_path.glob("emsearch-serve-*"))
        page.send_signal(signal.SIGINT)
        rest = page.stderr.read()
        assert page.wait(120) == 130
    assert (
        rest.splitlines()[1:] == ["emsearch: interrupted"] and "Traceback" not in rest and token not in rest
    )
    assert not list(tmp_path.glob("emsearch-serve-*"))
