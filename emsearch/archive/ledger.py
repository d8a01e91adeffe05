"""What a folder holds of the archive: one line an entry, with its checksum."""

import csv
import threading
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from emsearch.archive.checking import flaw_of, sha256_of
from emsearch_index.errors import InputError

__all__ = ["LEDGER", "Entry", "Ledger"]

LEDGER = "fetched.tsv"


@dataclass(frozen=True, slots=True)
class Entry:
    """A file that was fetched, when (UTC) and whence."""

    id: str
    file: str
    bytes: int
    sha256: str
    address: str
    fetched: str


class Ledger:
    """The entries of a folder, on disk as a tab-separated file to which lines are added as files come in.

    Raises
    ------
    InputError
        The file is there and is no such table.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / LEDGER
        self._lock = threading.Lock()
        self._entries = {entry.id: entry for entry in self._read()}

    def _read(self) -> list[Entry]:
        if not self._path.exists():
            return []
        names = [f.name for f in fields(Entry)]
        try:
            with self._path.open(encoding="utf-8", newline="") as stream:
                rows = list(csv.DictReader(stream, delimiter="\t"))
            # A line that was cut off as the program was killed has no entry; its file is looked at again.
            whole = [row for row in rows if all(row.get(name) for name in names)]
            return [_entry(row) for row in whole]
        except (OSError, UnicodeDecodeError, csv.Error, ValueError) as error:
            raise InputError(
                f"{self._path} cannot be read ({error}); delete it, and files that are whole are kept"
            ) from error

    def holds(self, identifier: str, path: Path) -> bool:
        """Whether a file is there as it was fetched, or, if it was not fetched by us, whole."""
        if not path.is_file():
            return False
        known = self._entries.get(identifier)
        if known is None:
            return flaw_of(path, identifier) is None
        return path.stat().st_size == known.bytes and sha256_of(path) == known.sha256

    def add(self, entry: Entry) -> None:
        """Write down an entry; safe from several threads."""
        with self._lock:
            self._entries[entry.id] = entry
            new = not self._path.exists() or self._path.stat().st_size == 0
            with self._path.open("a+", encoding="utf-8", newline="") as stream:
                if not new and not _ends_a_line(self._path):
                    stream.write("\n")
                writer = csv.DictWriter(
                    stream, [f.name for f in fields(Entry)], delimiter="\t", lineterminator="\n"
                )
                if new:
                    writer.writeheader()
                writer.writerow(asdict(entry))


def _entry(row: dict[str, str]) -> Entry:
    return Entry(row["id"], row["file"], int(row["bytes"]), row["sha256"], row["address"], row["fetched"])


def _ends_a_line(path: Path) -> bool:
    with path.open("rb") as stream:
        stream.seek(-1, 2)
        return stream.read(1) == b"\n"
