"""``emsearch map``: the shape space of the index as a map."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emsearch_cli.catalogues import opened_beads, opened_catalogue, opened_generation
from emsearch_cli.folders import check_folders, write_whole
from emsearch_cli.gallery.map_colour import MapColour
from emsearch_cli.messages import Messages
from emsearch_cli.options import Format, IndexDir, OutputFormat, Quiet, Verbose
from emsearch_cli.tables import Table, write_table

if TYPE_CHECKING:
    from emsearch.gallery.shape_map import MapPoint

__all__ = ["map"]

_COLUMNS = ("group", "x", "y", "representative", "mass_kda", "dmax_angstrom", "size_class", "members", "name")


def map(
    html: Annotated[
        Path | None,
        typer.Option(
            "--html", metavar="FILE", help="Also write the map as one HTML page, with a list of all groups."
        ),
    ] = None,
    png: Annotated[
        Path | None, typer.Option("--png", metavar="FILE", help="Also draw the map as a picture.")
    ] = None,
    colour: Annotated[
        MapColour,
        typer.Option(
            metavar="|".join(MapColour), help="What the colours mean; on the page it can be switched."
        ),
    ] = MapColour.MASS,
    size_class: Annotated[
        str | None, typer.Option("--size-class", metavar="NAME", help="Only the groups of this size class.")
    ] = None,
    index: IndexDir = None,
    form: OutputFormat = Format.TABLE,
    verbose: Verbose = 0,
    quiet: Quiet = False,
) -> None:
    """Lay the shape groups out so that like shapes are neighbours.

    Prints a place for each group; the wider side of the map measures 1 and x grows with size.
    """
    from emsearch.gallery.shape_map import shape_map

    check_folders(html, png)
    with opened_catalogue(index) as catalogue:
        points = shape_map(catalogue, size_class)
    write_table(Table(_COLUMNS, [[getattr(point, name) for name in _COLUMNS] for point in points]), form)
    if html is not None or png is not None:
        _draw(points, index, html, png, colour, Messages(verbose, quiet))


def _draw(
    points: "list[MapPoint]",
    index: Path | None,
    html: Path | None,
    png: Path | None,
    colour: MapColour,
    messages: Messages,
) -> None:
    from emsearch_cli.gallery.drawn import draw_faces

    faces = draw_faces([point.representative for point in points], opened_beads(index))
    if html is not None:
        from emsearch_cli.gallery.map_page import render_map

        write_whole(html, render_map(points, faces, opened_generation(index).name, colour))
        messages.say(f"page: {html}")
    if png is not None:
        from emsearch_cli.gallery.map_picture import write_map_picture

        write_map_picture(points, faces, colour, png)
        messages.say(f"picture: {png}")
