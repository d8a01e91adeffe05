"""Where files are to be written, and how."""

from pathlib import Path

from emsearch_index.errors import UsageError

__all__ = ["check_folders", "write_whole"]


def check_folders(*files: Path | None) -> None:
    """Refuse a file whose folder is not there before the work is done rather than after it."""
    for path in files:
        if path is not None and not path.absolute().parent.is_dir():
            raise UsageError(
                f"{path} cannot be written: there is no folder {path.absolute().parent}; make it first"
            )


def write_whole(path: Path, text: str) -> None:
    """Write a text whole or not at all; OSError where it cannot be written."""
    part = path.with_name(f".{path.name}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)
