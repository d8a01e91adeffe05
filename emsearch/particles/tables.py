"""Tables of particles, STAR and cryoSPARC, as another process reads them (``table_decoding.py``)."""

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from emsearch.particles.decoder import environment
from emsearch.particles.errors import ImageError
from emsearch.particles.limits import ReadingLimits
from emsearch.particles.opened_file import UnusableFileError
from emsearch.particles.regular_files import open_regular

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["read_tables"]


def read_tables(path: Path, limits: ReadingLimits) -> tuple[str, "dict[str, pa.Table]"]:
    """Return the kind of a file, "STAR" or "cryoSPARC", and its tables by name.

    Raises
    ------
    ImageError
        The file cannot be read as either.
    """
    import pyarrow as pa

    command = [sys.executable, "-P", "-m", "emsearch.particles.table_decoding", json.dumps(asdict(limits))]
    try:
        with open_regular(str(path), limits.file_bytes) as file:
            answer = subprocess.run(
                command,
                stdin=file,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment(),
                timeout=limits.wall_seconds,
                check=False,
            )
        line, _, rest = answer.stdout.partition(b"\n")
        if answer.returncode != 0 or not line:
            raise UnusableFileError("stopped its reader, by its size or by damage; split it or write it anew")
        message = json.loads(line)
        if "error" in message:
            raise UnusableFileError(message["error"])
    except subprocess.TimeoutExpired:
        raise ImageError(f"{path} took more than {limits.wall_seconds:g} s to read; split it") from None
    except UnusableFileError as problem:
        raise ImageError(f"{path} {problem}") from None
    tables: dict[str, pa.Table] = {}
    for name, size in message["tables"]:
        tables[name] = pa.ipc.open_stream(rest[:size]).read_all()
        rest = rest[size:]
    return message["format"], tables
