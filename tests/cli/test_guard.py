import subprocess
import sys
from collections.abc import Callable

import pytest
import typer

from emsearch_cli.guard import guarded
from emsearch_index.errors import EmsearchError, IndexCorruptError, IndexMissingError, InputError, UsageError


def outcome_of(error: BaseException, verbose: int = 0) -> int:
    with pytest.raises(typer.Exit) as end, guarded(verbose):
        raise error
    return end.value.exit_code


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (EmsearchError("m"), 1),
        (UsageError("m"), 2),
        (InputError("m"), 3),
        (IndexMissingError("m"), 4),
        (IndexCorruptError("m"), 4),
        (KeyboardInterrupt(), 130),
        (RuntimeError("m"), 1),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else str(value),
)
def test_every_error_has_its_exit_code_and_one_line(
    error: BaseException, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert outcome_of(error) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("emsearch: ")
    assert captured.err.count("\n") == 1


def test_message_of_several_lines_becomes_one(capsys: pytest.CaptureFixture[str]) -> None:
    outcome_of(InputError("the file\n  is empty"))
    assert capsys.readouterr().err == "emsearch: the file is empty\n"


def test_unforeseen_error_shows_its_traceback_only_when_asked(capsys: pytest.CaptureFixture[str]) -> None:
    outcome_of(ZeroDivisionError("by zero"))
    assert "run with -vv" in (quiet := capsys.readouterr().err)
    assert "Traceback" not in quiet
    outcome_of(ZeroDivisionError("by zero"), verbose=2)
    loud = capsys.readouterr().err
    assert "Traceback" in loud
    assert loud.splitlines()[-1] == "emsearch: internal error (ZeroDivisionError: by zero)"


def test_a_wanted_exit_passes() -> None:
    assert outcome_of(typer.Exit(7)) == 7


def test_reader_that_leaves_is_no_failure() -> None:
    program = (
        "import typer, sys\n"
        "from emsearch_cli.guard import guarded\n"
        "try:\n"
        "    with guarded(0):\n"
        "        while True: print('x' * 1000)\n"
        "except typer.Exit as end: sys.exit(end.exit_code)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"PYTHONPATH": ":".join(path for path in sys.path if path)},
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(timeout=60) == 0
        assert process.stderr.read() == b""


def test_usage_errors_exit_2(run: Callable[..., object]) -> None:
    for arguments in (
        ["nonsense"],
        ["query"],
        ["query", "a.png", "--top", "0"],
        ["query", "a.png", "--contrast", "x"],
    ):
        outcome = run(*arguments)
        assert outcome.code == 2  # type: ignore[attr-defined]
        assert outcome.out == ""  # type: ignore[attr-defined]


def test_version_and_help(run: Callable[..., object]) -> None:
    assert run("--version").out.startswith("emsearch 0.")  # type: ignore[attr-defined]
    assert "query" in run("-h").out  # type: ignore[attr-defined]
