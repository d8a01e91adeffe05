"""What a batch is of: enough of the input to notice that another one was given."""

from pathlib import Path
from typing import Any

from emsearch.particles.source import ParticleSource

__all__ = ["input_identity"]


def input_identity(source: ParticleSource) -> dict[str, Any]:
    """Return what tells an input from another."""
    path = Path(source.path)
    status = path.stat()
    return {"path": str(path.resolve()), "files": {str(path): [status.st_size, status.st_mtime_ns]}}
