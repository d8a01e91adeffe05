"""The folder that new structures are added to, and one within it to work in."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from emsearch.build.workspace import Workspace, locked
from emsearch_index.errors import UsageError
from emsearch_index.generation import CURRENT_NAME

__all__ = ["check_target", "work_folder"]

_WORK_FOLDER = "adding"


def check_target(target: Path, index_dir: Path) -> None:
    """Raise UsageError where ``target`` is a file, or an index other than the one that is added to."""
    if target.exists() and not target.is_dir():
        raise UsageError(f"{target} is a file where the folder of the index is expected; name another")
    if target.resolve() != index_dir.resolve() and (target / CURRENT_NAME).exists():
        raise UsageError(
            f"{target} holds an index already; name another folder, or that one as the index to add to"
        )


@contextmanager
def work_folder(target: Path) -> Iterator[Workspace]:
    """Give a folder to work in that no other addition to the same index uses, and take it away at the end."""
    folder, made = target / _WORK_FOLDER, not target.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"{target} cannot be written to ({error.strerror}); name another folder for the new index"
        ) from error
    with locked(folder):
        for left in folder.iterdir():  # by one that was killed
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        try:
            yield Workspace(folder)
        finally:
            shutil.rmtree(folder)
            if made and not any(target.iterdir()):
                target.rmdir()
