"""Errors of emsearch, from the lowest layer up.

    EmsearchError                    exit code 1
    ├── UsageError (ValueError)      2   options that contradict each other or name nothing
    ├── InputError (ValueError)      3   a file or value that the user gave is unusable
    │   ├── StructureError           3   emsearch.structures: a structure or map file
    │   ├── ShapeError               3   emsearch.shapes: shapes that cannot be compared
    │   ├── ImageError               3   emsearch.particles: an image or stack
    │   └── QueryError               3   emsearch_index.sql: a user's SQL statement
    ├── IncompleteError              5   a batch in which some items failed
    ├── IndexMissingError            4   no index where one was expected (FileNotFoundError)
    └── IndexCorruptError            4   an index whose files disagree with its manifest (ValueError)

A message says what was found, what was expected and what to do, in one sentence.
"""


class EmsearchError(Exception):
    """Base of every error that emsearch raises on purpose."""

    exit_code = 1


class UsageError(EmsearchError, ValueError):
    """Options that contradict each other or name something that does not exist."""

    exit_code = 2


class InputError(EmsearchError, ValueError):
    """A file or value from the user that cannot be used."""

    exit_code = 3


class QueryError(InputError):
    """A user's SQL statement that is not allowed, fails, or asks for too much."""


class IncompleteError(EmsearchError):
    """A batch in which some items failed; the others are there."""

    exit_code = 5


class IndexMissingError(EmsearchError, FileNotFoundError):
    """There is no index at the place that was named."""

    exit_code = 4


class IndexCorruptError(EmsearchError, ValueError):
    """The files of an index do not agree with its manifest."""

    exit_code = 4
