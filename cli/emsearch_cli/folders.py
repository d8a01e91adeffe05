"""Where files are to be written."""

from pathlib import Path

from emsearch_index.errors import UsageError

__all__ = ["check_folders"]


def check_folders(*files: Path | None) -> None:
    """Refuse a file whose folder is not there before the work is done rather than after it."""
    for path in files:
        if path is not None and not path.absolute().parent.is_dir():
            raise UsageError(
                f"{path} cannot be written: there is no folder {path.absolute().parent}; make it first"
            )
