"""The templates of the pages: those of the report and the gallery beside our own."""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emsearch_cli.gallery.card_page import GALLERY_FOLDER
from emsearch_cli.gallery.words import angstrom_text, mass_text
from emsearch_cli.report.environment import REPORT_FOLDER, page_environment

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["templates"]

_FOLDER = Path(__file__).parent / "templates"


def templates() -> "Environment":
    """Return the environment, with what the templates use of Python."""
    environment = page_environment(_FOLDER, REPORT_FOLDER, GALLERY_FOLDER)
    environment.filters["shown"] = shown
    environment.filters["mass"] = mass_text
    environment.filters["sentence"] = lambda text: f"{text[:1].upper()}{text[1:]}"
    environment.filters["angstrom"] = angstrom_text
    return environment


def shown(value: Any) -> str:
    """Return a cell for a person.

    >>> shown(464712.34567), shown(0.123456), shown(None), shown([1, 2])
    ('464,712', '0.1235', '', '1, 2')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list):
        return ", ".join(shown(item) for item in value)
    return str(value)
