"""The one place where an exception becomes a line on standard error and an exit code."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from typer.core import TyperCommand

from emsearch_index.errors import EmsearchError

__all__ = ["INTERNAL", "INTERRUPTED", "GuardedCommand", "guarded"]

INTERNAL = 1
INTERRUPTED = 130  # 128 + SIGINT, as shells have it


class GuardedCommand(TyperCommand):
    """A Typer command whose body runs under :func:`guarded`; usage errors stay Typer's own (exit code 2)."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command's body."""
        with guarded(verbose=int(ctx.params.get("verbose") or 0)):
            result = super().invoke(ctx)
            sys.stdout.flush()
        return result


@contextmanager
def guarded(verbose: int) -> Iterator[None]:
    """Turn whatever the block raises into one line and a ``typer.Exit`` with the code of the error tree.

    Parameters
    ----------
    verbose : int
        At two or more the traceback of an unforeseen exception is printed before its line.
    """
    try:
        yield
    except (typer.Exit, typer.Abort):
        raise
    except EmsearchError as error:
        _complain(_one_line(error))
        raise typer.Exit(error.exit_code) from error
    except KeyboardInterrupt as interrupt:
        _complain("interrupted")
        raise typer.Exit(INTERRUPTED) from interrupt
    except BrokenPipeError as error:
        _discard_stdout()
        raise typer.Exit(0) from error
    except Exception as error:
        if verbose >= 2:
            sys.excepthook(type(error), error, error.__traceback__)
        advice = "" if verbose >= 2 else "; run with -vv for the traceback"
        _complain(f"internal error ({type(error).__name__}: {_one_line(error)}){advice}")
        raise typer.Exit(INTERNAL) from error


def _complain(text: str) -> None:
    print(f"emsearch: {text}", file=sys.stderr, flush=True)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())


def _discard_stdout() -> None:
    # The reader went away (`| head`); what Python still buffers would raise again at exit.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
