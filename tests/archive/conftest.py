"""A local archive that behaves as badly as it is told to."""

import gzip
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest

STALL_SECONDS = 1.5


def entry(identifier: str) -> bytes:
    """Return a gzipped mmCIF file that does not compress well, of about 60 kB."""
    noise = np.random.default_rng(list(identifier.encode())).integers(33, 126, 50_000, np.uint8).tobytes()
    name = identifier.upper().encode()
    return gzip.compress(b"data_%s\n#\n_entry.id %s\n# %s" % (name, name, noise), mtime=0)


@dataclass
class Archive:
    """What a server has been asked, and the faults it has left to commit: by identifier, in their order."""

    faults: dict[str, list[str]] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    ranges: list[str] = field(default_factory=list)
    agents: set[str] = field(default_factory=set)
    queries: list[dict[str, Any]] = field(default_factory=list)
    hits: list[str] = field(default_factory=list)
    root: str = ""

    @property
    def search(self) -> str:
        return f"{self.root}/search"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    archive: Archive

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        identifier = self.path.rsplit("/", 1)[-1].partition(".")[0]
        assert self.path == f"/pub/pdb/data/structures/divided/mmCIF/{identifier[1:3]}/{identifier}.cif.gz"
        archive = self.archive
        archive.asked[identifier] += 1
        archive.agents.add(self.headers["User-Agent"])
        left = archive.faults.get(identifier, [])
        fault = left.pop(0) if left else "none"
        getattr(self, f"_{fault}")(identifier, entry(identifier))

    def do_POST(self) -> None:
        archive = self.archive
        archive.queries.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        left = archive.faults.get("search", [])
        if left:
            self._refuse(int(left.pop(0)))
        elif not archive.hits:
            self._refuse(204)
        else:
            body = json.dumps({"result_set": [{"identifier": i, "score": 1} for i in archive.hits]}).encode()
            self._send(200, body)

    def _send(self, code: int, body: bytes, sent: int | None = None, **headers: str) -> None:
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body[:sent])
        if sent is not None:
            self.close_connection = True

    def _refuse(self, code: int, **headers: str) -> None:
        self._send(code, b"", None, **headers)

    def _none(self, identifier: str, body: bytes) -> None:
        wanted = self.headers.get("Range")
        if wanted and self.headers.get("If-Range") == f'"{identifier}"':
            self.archive.ranges.append(wanted)
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            self._send(206, body[start:], Content_Range=f"bytes {start}-{len(body) - 1}/{len(body)}")
        else:
            self._send(200, body, ETag=f'"{identifier}"')

    def _truncated(self, identifier: str, body: bytes) -> None:
        self._send(200, body, len(body) // 2, ETag=f'"{identifier}"')

    def _changed(self, identifier: str, body: bytes) -> None:
        self._send(200, body, len(body) // 2, ETag='"as it was before"')

    def _short(self, identifier: str, body: bytes) -> None:
        self._send(200, body[: len(body) // 2])  # as long as it says, and half of the file

    def _stalled(self, identifier: str, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:1000])
        self.wfile.flush()
        time.sleep(STALL_SECONDS)
        self.close_connection = True

    def _wrong(self, identifier: str, body: bytes) -> None:
        self._send(200, entry("9zzz"))

    def _flipped(self, identifier: str, body: bytes) -> None:
        middle = len(body) // 2
        self._send(200, body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :])

    def _page(self, identifier: str, body: bytes) -> None:
        self._send(200, b"<html>Maintenance</html>")

    def _busy(self, identifier: str, body: bytes) -> None:
        self._refuse(503, Retry_After="0.3")

    def _error(self, identifier: str, body: bytes) -> None:
        self._refuse(500)

    def _missing(self, identifier: str, body: bytes) -> None:
        self._refuse(404)

    def _forbidden(self, identifier: str, body: bytes) -> None:
        self._refuse(403)

    def _circle(self, identifier: str, body: bytes) -> None:
        self.archive.faults.setdefault(identifier, []).append("circle")
        self._refuse(302, Location=self.path)


@pytest.fixture
def archive() -> Iterator[Archive]:
    """Serve an archive on a free port of this machine."""
    found = Archive()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"archive": found}))
    server.daemon_threads = True
    found.root = f"http://127.0.0.1:{server.server_address[1]}/pub/pdb"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield found
    server.shutdown()
    server.server_close()
    thread.join()
