"""How pages are made of templates: escaped, complete, and without characters that do not show."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["REPORT_FOLDER", "page_environment", "pdb_url", "visible"]

REPORT_FOLDER = Path(__file__).parent
"""Where the report's templates and its style lie."""

_PDB_ID = re.compile(r"[1-9][a-z0-9]{3}|pdb_[0-9a-z]{8}", re.IGNORECASE)
_CONTROL = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)  # invisible, or turning text round


def pdb_url(identifier: str) -> str | None:
    """Return the page of a PDB entry, None for what is no PDB identifier.

    >>> pdb_url("6cvm")
    'https://www.rcsb.org/structure/6cvm'
    >>> pdb_url("1f4a_map") is None
    True
    """
    return f"https://www.rcsb.org/structure/{identifier}" if _PDB_ID.fullmatch(identifier) else None


def page_environment(*folders: Path) -> "Environment":
    """Return an environment of the templates in some folders, those of the first before those of the next."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(folders),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["pdb"] = pdb_url
    environment.finalize = visible
    return environment


def visible(value: object) -> object:
    """Put a sign in the place of characters that do not show, or that turn the text round; escaped text stays so."""
    return type(value)(_CONTROL.sub("\N{REPLACEMENT CHARACTER}", value)) if isinstance(value, str) else value
