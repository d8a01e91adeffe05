"""What a batch is of: enough of the input to notice that another one was given."""

import hashlib
from pathlib import Path
from typing import Any

from emsearch.particles.source import ParticleSource

__all__ = ["input_identity"]


def input_identity(source: ParticleSource) -> dict[str, Any]:
    """Return what tells an input from another: a table's sha256, and the size and time of change of each stack."""
    path = Path(source.path)
    stacks = {}
    for name in source.stacks:
        try:
            status = Path(name).stat()
        except OSError:  # its particles will say so
            continue
        stacks[name] = [status.st_size, status.st_mtime_ns]
    digest = hashlib.sha256(repr(sorted(stacks.items())).encode()).hexdigest()
    return {
        "path": source.path,
        "sha256": _sha256(path) if source.columns is not None else None,
        "stacks": digest,
    }


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
