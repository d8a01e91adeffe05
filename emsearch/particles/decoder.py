"""Start the process of ``decoding.py`` on an open file and receive its answer, within sizes set here."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from emsearch.particles.limits import ReadingLimits
from emsearch.particles.opened_file import Request, UnusableFileError

__all__ = ["decode"]

_MAX_LINE_BYTES = 65536


def decode(file: BinaryIO, request: Request) -> tuple[dict[str, Any], NDArray[np.float32]]:
    """Return the header (as ``OpenedFile.header``) and float32 images (n, height, width) of ``file``.

    ``file`` stands at its start. A fresh process, not a fork: that hangs once OpenMP threads run.

    Raises
    ------
    UnusableFileError
        The file is unusable, or decoding it took too much time or memory.
    """
    started = time.monotonic()
    child = subprocess.Popen(
        [sys.executable, "-P", "-m", "emsearch.particles.decoding", request.to_json()],
        stdin=file,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=_environment(),
    )
    alarm = threading.Timer(request.limits.wall_seconds, child.kill)
    alarm.start()
    assert child.stdout is not None
    try:
        return _receive(child.stdout, request.limits)
    except EOFError:
        late = time.monotonic() - started >= request.limits.wall_seconds
        raise UnusableFileError(_ending(child.wait(), late, request.limits)) from None
    finally:
        alarm.cancel()
        child.kill()
        child.stdout.close()
        child.wait()


def _environment() -> dict[str, str]:
    """Return an environment in which the child imports from where we do, with one thread."""
    modules = os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path)
    return {**os.environ, "PYTHONPATH": modules, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def _receive(stream: IO[bytes], limits: ReadingLimits) -> tuple[dict[str, Any], NDArray[np.float32]]:
    header = _read_message(stream)
    shape = header["shape"]
    if min(shape) < 1 or shape[0] * shape[1] * shape[2] > limits.total_px:
        raise UnusableFileError(f"was decoded to an impossible shape, {shape}; save it anew as MRC")
    images = np.empty(shape, np.float32)
    for image in images:
        status = stream.read(1)
        if status == b"-":
            _read_message(stream)
        pixels = memoryview(image).cast("B")
        if status != b"+" or stream.readinto(pixels) != len(pixels):  # type: ignore[attr-defined]
            raise EOFError
    return header, images


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
