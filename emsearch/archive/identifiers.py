"""PDB identifiers, the only text of a user's that becomes part of an address or a file name."""

import re
from collections.abc import Iterable
from pathlib import Path

from emsearch_index.errors import InputError

__all__ = ["identifiers_of", "read_identifiers"]

_SHORT = re.compile(r"[1-9][a-z0-9]{3}")
_LONG = re.compile(r"pdb_0000([1-9][a-z0-9]{3})")
_SEPARATORS = re.compile(r"[\s,;]+")
_LARGEST_BYTES = 16_000_000


def identifiers_of(texts: Iterable[str]) -> list[str]:
    """Return four-character identifiers in lower case, each once, in the order in which they come.

    Every text may hold several, separated by blanks, commas or semicolons. The extended form of an entry that has a
    short one is taken too.

    >>> identifiers_of(["1AON,6cvm", "pdb_00001aon 4V4R"])
    ['1aon', '6cvm', '4v4r']

    Raises
    ------
    InputError
        A word that is no identifier.
    """
    words = [word for text in texts for word in _SEPARATORS.split(text.strip()) if word]
    return list(dict.fromkeys(_identifier(word) for word in words))


def _identifier(word: str) -> str:
    lower = word.lower()
    long = _LONG.fullmatch(lower)
    if long:
        return long.group(1)
    if _SHORT.fullmatch(lower):
        return lower
    raise InputError(
        f"{word[:40]!r} is no PDB identifier; expected a digit and three letters or digits, such as 1aon"
    )


def read_identifiers(path: Path) -> list[str]:
    """Read identifiers from a text file; what follows a # in a line is a comment.

    Raises
    ------
    InputError
        The file cannot be read, is larger than any list of the archive, or holds something else.
    """
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise InputError(f"{path} is {path.stat().st_size:,} bytes large; expected a list of identifiers")
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read as a list of identifiers ({error})") from error
    found: list[str] = []
    for number, line in enumerate(lines, start=1):
        try:
            found += identifiers_of([line.partition("#")[0]])
        except InputError as error:
            raise InputError(f"{path}, line {number}: {error}") from error
    return list(dict.fromkeys(found))
