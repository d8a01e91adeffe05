"""The map as one page. All of it is there without its script, which adds the card under the pointer and the search."""

import base64
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from markupsafe import Markup

from emsearch_cli.gallery.card_page import GALLERY_FOLDER, style_of
from emsearch_cli.gallery.map_colour import MapColour
from emsearch_cli.gallery.map_plot import class_names
from emsearch_cli.gallery.map_svg import map_svg
from emsearch_cli.gallery.pictures import silhouette_uri
from emsearch_cli.gallery.words import MASS_BINS, angstrom_text, mass_bin, mass_text
from emsearch_cli.report.environment import page_environment
from emsearch_cli.report.of_answers import command_line, library_versions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from emsearch.gallery.shape_map import MapPoint

__all__ = ["render_map"]


def render_map(
    points: "Sequence[MapPoint]", faces: "Sequence[NDArray[np.float32]]", generation: str, colour: MapColour
) -> str:
    """Return the page; ``faces`` (side, side) show the representatives, ``colour`` is what it opens with."""
    script = (GALLERY_FOLDER / "map.js").read_text(encoding="utf-8")
    uris = [silhouette_uri(face) for face in faces]
    environment = page_environment(GALLERY_FOLDER)
    environment.filters["mass"] = mass_text
    environment.filters["angstrom"] = angstrom_text
    return environment.get_template("map.html.j2").render(
        style=style_of("gallery.css", "map.css"),
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        svg=map_svg(points, faces.__getitem__, uris.__getitem__, "#g{}".format),
        points=points,
        faces=uris,
        masses=[(k, MASS_BINS[k]) for k in sorted({mass_bin(point.mass_kda) for point in points})],
        classes=list(enumerate(class_names(points))),
        by_mass=colour is MapColour.MASS,
        command=command_line(),
        created=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        generation=generation,
        versions=library_versions(),
    )
