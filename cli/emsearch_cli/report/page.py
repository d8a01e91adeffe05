"""The report as one HTML file."""

from pathlib import Path
from typing import Any

from emsearch_cli.folders import write_whole
from emsearch_cli.report.charts import mixture_svg
from emsearch_cli.report.contents import ReportContents, SetPage
from emsearch_cli.report.environment import REPORT_FOLDER, page_environment
from emsearch_cli.report.pictures import data_uri, difference, png_uri
from emsearch_cli.report.sphere import sphere_svg

__all__ = ["render_report", "write_report"]


def render_report(contents: ReportContents) -> str:
    """Return the page."""
    from markupsafe import Markup

    return (
        page_environment(REPORT_FOLDER)
        .get_template("page.html.j2")
        .render(
            c=contents,
            style=Markup((REPORT_FOLDER / "style.css").read_text(encoding="utf-8")),
            sets=[_drawn(page) for page in contents.sets],
            mixture=Markup(mixture_svg(contents.mixture)) if contents.mixture else None,
        )
    )


def _drawn(page: SetPage) -> dict[str, Any]:
    """Return a set with its pictures."""
    from markupsafe import Markup

    pictures = []
    if page.query_image is not None:
        pictures.append(("image", png_uri(page.query_image)))
    if page.denoised is not None:
        pictures.append(("denoised: a model's guess", png_uri(page.denoised)))
    if page.projection is not None:
        pictures.append(("first hit, in its pose", png_uri(page.projection)))
    if page.query_image is not None and page.projection is not None:
        pictures.append(("what is left", png_uri(difference(page.query_image, page.projection))))
    if page.explained is not None:
        why = page.explained
        caption = f"why {why.hit} rather than {why.rival or 'no particle'}"
        pictures.append((caption, data_uri(why.picture)))
    sphere = None if page.directions is None else Markup(sphere_svg(page.directions))
    return {"page": page, "pictures": pictures, "sphere": sphere}


def write_report(path: Path, contents: ReportContents) -> None:
    """Write the page whole or not at all.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    write_whole(path, render_report(contents))
