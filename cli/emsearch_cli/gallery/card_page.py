"""A card as one page: nothing from outside, no scripts."""

from datetime import UTC, datetime
from pathlib import Path

from markupsafe import Markup

from emsearch_cli.gallery.drawn import DrawnCard
from emsearch_cli.gallery.pictures import picture_svg
from emsearch_cli.gallery.words import headline, measure_rows
from emsearch_cli.report.environment import REPORT_FOLDER, page_environment
from emsearch_cli.report.of_answers import command_line, library_versions

__all__ = ["GALLERY_FOLDER", "render_card", "style_of"]

GALLERY_FOLDER = Path(__file__).parent
"""Where the templates and styles of cards and maps lie."""


def render_card(drawn: DrawnCard, generation: str) -> str:
    """Return the page; ``generation`` is that of the index."""
    card = drawn.card
    side = drawn.views.side_angstrom
    return (
        page_environment(GALLERY_FOLDER)
        .get_template("card.html.j2")
        .render(
            style=style_of("gallery.css"),
            card=card,
            headline=headline(card),
            measures=measure_rows(card),
            views=[
                (picture_svg(image, side, f"{card.structure} {name}"), name)
                for image, name in zip(drawn.views.images, drawn.views.names, strict=True)
            ],
            neighbours=[
                (picture_svg(p.images[0], p.side_angstrom, f"{near.structure} {p.names[0]}"), near)
                for near, p in drawn.neighbours
            ],
            command=command_line(),
            created=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
            generation=generation,
            versions=library_versions(),
        )
    )


def style_of(*names: str) -> Markup:
    """Return the style of all pages followed by styles of this folder."""
    files = [REPORT_FOLDER / "style.css", *(GALLERY_FOLDER / name for name in names)]
    return Markup("\n".join(file.read_text(encoding="utf-8") for file in files))
