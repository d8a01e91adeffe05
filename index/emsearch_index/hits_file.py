"""The Parquet file that `emsearch batch` wrote, opened for SQL in the child process.

It may come from anybody. It is read by pyarrow from an open file, a column and a row group at a time as a
statement asks for them, so that DuckDB needs no access to files and the size of a stack does not matter.
"""

import os
import stat
from pathlib import Path
from typing import Any, BinaryIO

from emsearch_index.errors import InputError

__all__ = ["opened_hits"]

_MOST_BYTES = 8 << 30
_ADVICE = "give the .parquet file that `emsearch batch` wrote"


def opened_hits(path: Path) -> Any:
    """Open a Parquet file as an Arrow dataset.

    Raises
    ------
    InputError
        The path is no regular file of at most 8 GiB that may be read, or no Parquet file.
    """
    import pyarrow as pa

    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    import pyarrow.dataset as pa_dataset

    file = _opened_regular(path)
    form = pa_dataset.ParquetFileFormat()
    try:
        fragment = form.make_fragment(pa.PythonFile(file, mode="r"))
        return pa_dataset.FileSystemDataset([fragment], fragment.physical_schema, form)
    except (pa.ArrowException, OSError) as error:
        file.close()
        raise InputError(
            f"the file of hits {path.name} is no Parquet file that can be read: {_ADVICE}"
        ) from error


def _opened_regular(path: Path) -> BinaryIO:
    """Open a regular file; checked before, for devices, and after, for a file swapped meanwhile."""
    try:
        _check(path, path.stat())
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise InputError(f"the file of hits {path.name} does not exist: {_ADVICE}") from None
    except OSError as error:
        raise InputError(
            f"the file of hits {path.name} cannot be opened ({error.strerror}): {_ADVICE}"
        ) from None
    file = os.fdopen(descriptor, "rb")
    try:
        _check(path, os.fstat(descriptor))
    except InputError:
        file.close()
        raise
    return file


def _check(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise InputError(f"the file of hits {path.name} is no regular file: {_ADVICE}")
    if status.st_size > _MOST_BYTES:
        raise InputError(
            f"the file of hits {path.name} has {status.st_size} bytes, more than {_MOST_BYTES}: split the stack"
        )
