"""One file over HTTP: in pieces, from where it stopped, and only kept when whole."""

import os
from dataclasses import dataclass
from pathlib import Path

import httpx

from emsearch.archive.checking import flaw_of
from emsearch.archive.politeness import Pace

__all__ = ["MissingEntryError", "TransientError", "download"]

_LARGEST_BYTES = 4 << 30
_PASSING = {408, 425, 429, 500, 502, 503, 504}


class TransientError(Exception):
    """A failure that another attempt may not meet; ``retry_after`` is what the server said, if anything."""

    def __init__(self, reason: str, retry_after: str | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class MissingEntryError(Exception):
    """The server answers, and will not give the file however often it is asked."""


@dataclass(frozen=True, slots=True)
class _Part:
    """What an earlier attempt left: the bytes so far, and the validator of the file that they belong to."""

    path: Path

    @property
    def _validator_path(self) -> Path:
        return self.path.with_name(self.path.name + ".etag")

    def resume_headers(self) -> dict[str, str]:
        """Return what asks for the rest, if the file is still the same; nothing where there is no part to go on from."""
        size = self.path.stat().st_size if self.path.is_file() else 0
        if size == 0 or not self._validator_path.is_file():
            return {}
        return {
            "Range": f"bytes={size}-",
            "If-Range": self._validator_path.read_text(encoding="ascii", errors="ignore"),
        }

    def remember(self, validator: str) -> None:
        """Keep the validator of the file whose bytes follow; a weak one cannot vouch for bytes."""
        if validator and not validator.startswith("W/"):
            self._validator_path.write_text(validator, encoding="ascii", errors="ignore")
        else:
            self._validator_path.unlink(missing_ok=True)

    def drop(self) -> None:
        """Forget all of it."""
        self.path.unlink(missing_ok=True)
        self._validator_path.unlink(missing_ok=True)

    def become(self, path: Path) -> None:
        """Move the whole file to its place, on disk before it has its name."""
        with self.path.open("rb") as stream:
            os.fsync(stream.fileno())
        self.path.replace(path)
        self._validator_path.unlink(missing_ok=True)


def download(client: httpx.Client, address: str, identifier: str, path: Path, pace: Pace) -> None:
    """Fetch an entry's file to ``path``, going on from what an earlier attempt left beside it.

    Raises
    ------
    TransientError
        The connection failed or stalled, the server is busy, or the bytes are not the whole entry.
    MissingEntryError
        The server says that there is no such file, or refuses it.
    """
    part = _Part(path.with_name(path.name + ".part"))
    pace.wait()
    try:
        with client.stream("GET", address, headers=part.resume_headers()) as answer:
            _take(answer, part)
    except httpx.TransportError as error:
        raise TransientError(str(error) or type(error).__name__) from error
    except httpx.TooManyRedirects as error:
        raise MissingEntryError("redirects without end") from error
    flaw = flaw_of(part.path, identifier)
    if flaw:
        part.drop()
        raise TransientError(f"what came {flaw}")
    part.become(path)


def _take(answer: httpx.Response, part: _Part) -> None:
    """Write an answer's body to the part, after what is there or from the start."""
    if answer.status_code == 416:  # the part is longer than the file: it is another file's
        part.drop()
        raise TransientError("the file has changed")
    if answer.status_code in _PASSING:
        raise TransientError(f"HTTP {answer.status_code}", answer.headers.get("Retry-After"))
    if answer.status_code not in (200, 206):
        raise MissingEntryError(f"HTTP {answer.status_code} {answer.reason_phrase}".strip())
    onward = answer.status_code == 206
    if not onward:
        part.drop()
        part.remember(answer.headers.get("ETag", ""))
    with part.path.open("ab") as stream:
        for piece in answer.iter_raw():
            stream.write(piece)
            if stream.tell() > _LARGEST_BYTES:
                raise MissingEntryError(f"it is larger than {_LARGEST_BYTES >> 30} GiB")
