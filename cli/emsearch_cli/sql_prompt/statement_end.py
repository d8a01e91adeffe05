"""Whether what stands at the prompt is a whole statement, or goes on in the next line."""

import re

__all__ = ["is_whole", "without_text"]

# What a semicolon means nothing in: strings, quoted names, comments; each to its end or, unfinished, to the last character.
_OPAQUE = re.compile(
    r"""'(?:[^']|'')*(?P<string>'|\Z) | "(?:[^"]|"")*(?P<name>"|\Z) | --[^\n]*
    | /\*.*?(?P<comment>\*/|\Z) | (?P<tag>\$\w*\$).*?(?P<dollar>(?P=tag)|\Z)""",
    re.X | re.S,
)
_UNFINISHED = "\0"


def is_whole(text: str) -> bool:
    """Tell whether a text may be sent: a command, nothing at all, or a statement that ends with a semicolon.

    >>> is_whole("SELECT ';'"), is_whole("SELECT ';'; -- done"), is_whole(".tables")
    (False, True, True)
    """
    return not text.strip() or text.lstrip().startswith(".") or without_text(text).rstrip().endswith(";")


def without_text(sql: str) -> str:
    """Return SQL without its strings, quoted names and comments; one that is not closed leaves a NUL.

    >>> without_text("SELECT 'a;b' -- c")
    'SELECT  '
    """
    return _OPAQUE.sub(_blank, sql)


def _blank(match: re.Match[str]) -> str:
    ends = (match["string"], match["name"], match["comment"], match["dollar"])
    return _UNFINISHED if "" in ends else ""
