"""Start the process of ``decoding.py`` on open files and receive its answers, within sizes set here."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from emsearch.particles.limits import ReadingLimits
from emsearch.particles.opened_file import Request, UnusableFileError

__all__ = ["Decoded", "Job", "decode", "environment"]

_MAX_LINE_BYTES = 65536


@dataclass(frozen=True, slots=True)
class Job:
    """An open file and what to read of it; ``mate`` is the second file of formats that have two."""

    file: BinaryIO
    request: Request
    mate: BinaryIO | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the job as the decoding process reads it."""
        mate = None if self.mate is None else self.mate.fileno()
        return {"request": self.request.to_json(), "file": self.file.fileno(), "mate": mate}

    @property
    def descriptors(self) -> list[int]:
        """What the decoding process must inherit."""
        return [file.fileno() for file in (self.file, self.mate) if file is not None]


@dataclass(frozen=True, slots=True)
class Decoded:
    """The header (as ``OpenedFile.header``) and float32 images (n, height, width) of a file."""

    header: dict[str, Any]
    images: NDArray[np.float32]


def decode(jobs: Sequence[Job]) -> list[Decoded | UnusableFileError]:
    """Return what each job's file holds, or why it cannot be used: decoding it may have taken too much time or memory.

    One fresh process for all, not a fork: that hangs once OpenMP threads run. Where a file ends it, another one goes on
    with the next.
    """
    found: list[Decoded | UnusableFileError] = []
    while len(found) < len(jobs):
        found += _decode(jobs[len(found) :])
    return found


def _decode(jobs: Sequence[Job]) -> list[Decoded | UnusableFileError]:
    """Return the answers to the first jobs, up to one that ended the process."""
    limits, started = jobs[0].request.limits, time.monotonic()
    child = subprocess.Popen(
        [
            sys.executable,
            "-P",
            "-m",
            "emsearch.particles.decoding",
            json.dumps([job.to_json() for job in jobs]),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment(),
        pass_fds=[descriptor for job in jobs for descriptor in job.descriptors],
    )
    alarm = threading.Timer(limits.wall_seconds, child.kill)
    alarm.start()
    assert child.stdout is not None
    found: list[Decoded | UnusableFileError] = []
    try:
        for _ in jobs:
            found.append(_receive(child.stdout, limits))
    except EOFError:
        late = time.monotonic() - started >= limits.wall_seconds
        found.append(UnusableFileError(_ending(child.wait(), late, limits)))
    finally:
        alarm.cancel()
        child.kill()
        child.stdout.close()
        child.wait()
    return found


def environment() -> dict[str, str]:
    """Return an environment in which a child imports from where we do, with one thread."""
    modules = os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path)
    return {**os.environ, "PYTHONPATH": modules, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def _receive(stream: IO[bytes], limits: ReadingLimits) -> Decoded | UnusableFileError:
    try:
        header = _read_message(stream)
        shape = header["shape"]
        if shape[0] < 0 or min(shape[1:]) < 1 or shape[0] * shape[1] * shape[2] > limits.total_px:
            raise EOFError
        images = np.empty(shape, np.float32)
        for image in images:
            status = stream.read(1)
            if status == b"-":
                _read_message(stream)
            pixels = memoryview(image).cast("B")
            if status != b"+" or stream.readinto(pixels) != len(pixels):  # type: ignore[attr-defined]
                raise EOFError
    except UnusableFileError as problem:
        return problem
    return Decoded(header, images)


def _read_message(stream: IO[bytes]) -> dict[str, Any]:
    line = stream.readline(_MAX_LINE_BYTES)
    if not line.endswith(b"\n"):
        raise EOFError
    message: dict[str, Any] = json.loads(line)
    if "error" in message:
        raise UnusableFileError(message["error"])
    return message


def _ending(status: int, late: bool, limits: ReadingLimits) -> str:
    """Say why a child went without an answer."""
    advice = "save it anew as MRC, or give a smaller one"
    if late:
        return f"took more than {limits.wall_seconds:g} s to decode; {advice}"
    if status == -signal.SIGXCPU:
        return f"took more than {limits.cpu_seconds} s of processor time to decode; {advice}"
    how = f"signal {-status}" if status < 0 else f"exit status {status}"
    return f"stopped its decoder ({how}), probably for lack of memory or by damaged data; {advice}"
