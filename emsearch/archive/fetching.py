"""Many entries into a folder: side by side, politely, and never twice."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt
from tenacity import sleep_using_event as sleep_until

from emsearch.archive.checking import sha256_of
from emsearch.archive.downloading import MissingEntryError, TransientError, download
from emsearch.archive.ledger import Entry, Ledger
from emsearch.archive.mirrors import MIRRORS, Mirror
from emsearch.archive.politeness import USER_AGENT, Pace, pause_seconds
from emsearch_index.errors import InputError

__all__ = ["FetchSettings", "Fetched", "fetch_entries"]


@dataclass(frozen=True, slots=True)
class FetchSettings:
    """How entries are fetched.

    ``mirrors`` are tried in their order where one fails; ``attempts`` are those at each. No piece of an answer may take
    longer than ``timeout_seconds`` to come.
    """

    mirrors: tuple[str, ...] = MIRRORS
    parallel: int = 4
    requests_per_second: float = 10.0
    attempts: int = 4
    timeout_seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class Fetched:
    """What became of one entry: "fetched", "already there" or "failed", and then why."""

    id: str
    outcome: str
    path: Path
    bytes: int
    reason: str = ""


def fetch_entries(
    identifiers: Sequence[str],
    folder: Path,
    settings: FetchSettings | None = None,
    report: Callable[[Fetched], None] = lambda found: None,
) -> list[Fetched]:
    """Fetch the mmCIF files of entries into a folder, and return what became of each, in their order.

    Files that are there and whole are not fetched again; a file has its name only when its checksum is right. What is
    left by an interrupted run is gone on with.

    Raises
    ------
    InputError
        The folder cannot be made or its ledger cannot be read.
    """
    settings = settings or FetchSettings()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder} cannot be made ({error}); give another --output") from error
    with _Fetcher(folder, settings) as fetcher:
        found = {one.id: one for one in fetcher.each(identifiers, report)}
    return [found[identifier] for identifier in identifiers]


class _Fetcher:
    """The connections, the pace and the ledger that all threads share."""

    def __init__(self, folder: Path, settings: FetchSettings) -> None:
        self._folder, self._settings = folder, settings
        self._mirrors = [Mirror(root) for root in settings.mirrors]
        self._ledger = Ledger(folder)
        self._pace = Pace(settings.requests_per_second)
        self._stop = Event()
        self._client = httpx.Client(
            headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
            timeout=httpx.Timeout(settings.timeout_seconds, connect=min(15.0, settings.timeout_seconds)),
            limits=httpx.Limits(max_connections=settings.parallel),
            follow_redirects=True,
        )

    def __enter__(self) -> "_Fetcher":
        return self

    def __exit__(self, *exception: object) -> None:
        self._client.close()

    def each(self, identifiers: Sequence[str], report: Callable[[Fetched], None]) -> Iterator[Fetched]:
        """Fetch entries side by side and give each as it is done."""
        with ThreadPoolExecutor(self._settings.parallel) as pool:
            waiting = [pool.submit(self._one, identifier) for identifier in identifiers]
            try:
                for done in as_completed(waiting):
                    report(done.result())
                    yield done.result()
            except BaseException:
                self._stop.set()
                self._client.close()  # ends what is under way; its part stays
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _one(self, identifier: str) -> Fetched:
        path = self._folder / f"{identifier}.cif.gz"
        if self._ledger.holds(identifier, path):
            return Fetched(identifier, "already there", path, path.stat().st_size)
        reasons = []
        for mirror in self._mirrors:
            address = mirror.address(identifier)
            try:
                self._patiently(address, identifier, path)
            except (TransientError, MissingEntryError) as error:
                reasons.append(f"{httpx.URL(address).host}: {error}")
                continue
            except OSError as error:
                reasons.append(f"{path} cannot be written ({error})")
                break
            return self._written_down(identifier, path, address)
        return Fetched(identifier, "failed", path, 0, "; ".join(reasons))

    def _patiently(self, address: str, identifier: str, path: Path) -> None:
        attempts = Retrying(
            stop=stop_after_attempt(self._settings.attempts),
            wait=_pause,
            retry=retry_if_exception_type(TransientError),
            sleep=sleep_until(self._stop),
            reraise=True,
        )
        attempts(download, self._client, address, identifier, path, self._pace)

    def _written_down(self, identifier: str, path: Path, address: str) -> Fetched:
        size, now = path.stat().st_size, datetime.now(UTC).isoformat(timespec="seconds")
        self._ledger.add(Entry(identifier, path.name, size, sha256_of(path), address, now))
        return Fetched(identifier, "fetched", path, size)


def _pause(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    return pause_seconds(state.attempt_number, getattr(error, "retry_after", None))
