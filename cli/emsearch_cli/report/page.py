"""The report as one HTML file."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emsearch_cli.report.charts import mixture_svg
from emsearch_cli.report.contents import ReportContents, SetPage
from emsearch_cli.report.pictures import difference, png_uri
from emsearch_cli.report.sphere import sphere_svg

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["pdb_url", "render_report", "write_report"]

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


def render_report(contents: ReportContents) -> str:
    """Return the page."""
    from markupsafe import Markup

    here = Path(__file__).parent
    template = _environment().from_string((here / "page.html.j2").read_text(encoding="utf-8"))
    return template.render(
        c=contents,
        style=Markup((here / "style.css").read_text(encoding="utf-8")),
        sets=[_drawn(page) for page in contents.sets],
        mixture=Markup(mixture_svg(contents.mixture)) if contents.mixture else None,
    )


def _environment() -> "Environment":
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["pdb"] = pdb_url
    environment.finalize = _visible
    return environment


def _visible(value: object) -> object:
    """Put a sign in the place of characters that do not show, or that turn the text round; escaped text stays so."""
    return type(value)(_CONTROL.sub("\N{REPLACEMENT CHARACTER}", value)) if isinstance(value, str) else value


def _drawn(page: SetPage) -> dict[str, Any]:
    """Return a set with its pictures."""
    from markupsafe import Markup

    pictures = []
    if page.query_image is not None:
        pictures.append(("image", png_uri(page.query_image)))
    if page.projection is not None:
        pictures.append(("first hit, in its pose", png_uri(page.projection)))
    if page.query_image is not None and page.projection is not None:
        pictures.append(("what is left", png_uri(difference(page.query_image, page.projection))))
    sphere = None if page.directions is None else Markup(sphere_svg(page.directions))
    return {"page": page, "pictures": pictures, "sphere": sphere}


def write_report(path: Path, contents: ReportContents) -> None:
    """Write the page whole or not at all.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    part = path.with_name(f".{path.name}.part")
    part.write_text(render_report(contents), encoding="utf-8")
    part.replace(path)
