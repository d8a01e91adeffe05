"""The maps of the shape space that were asked for; each is laid out once."""

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool

from emsearch.gallery.shape_map import MapPoint, shape_map
from emsearch_cli.catalogues import CATALOGUE_NAME
from emsearch_cli.gallery.drawn import draw_face
from emsearch_cli.gallery.map_plot import plot_map
from emsearch_cli.gallery.map_svg import map_svg
from emsearch_index.catalogue import Catalogue

if TYPE_CHECKING:
    import numpy as np
    from markupsafe import Markup
    from numpy.typing import NDArray

    from emsearch.search.engine import SearchIndex
    from emsearch_cli.web.science import Science
    from emsearch_index.generation import Generation

__all__ = ["ShapeMaps", "face_address"]


def face_address(structure: str) -> str:
    """Return where the silhouette of a structure is."""
    return f"/structures/{quote(structure, safe='')}/face.png"


class ShapeMaps:
    """The maps of all groups, named "", and of single size classes."""

    def __init__(self, generation: "Generation", science: "Science") -> None:
        self._generation = generation
        self._science = science
        self._points: dict[str, list[MapPoint]] = {}
        self._drawn: dict[str, Markup] = {}
        self._one = asyncio.Lock()  # the layout uses all cores

    async def points(self, size_class: str) -> list[MapPoint]:
        """Return the places of groups; UsageError where there are none, or more than a map holds."""
        async with self._one:
            if size_class not in self._points:
                self._points[size_class] = await run_in_threadpool(self._lay_out, size_class)
        return self._points[size_class]

    def _lay_out(self, size_class: str) -> list[MapPoint]:
        with Catalogue(self._generation.file(CATALOGUE_NAME)) as catalogue:
            return shape_map(catalogue, size_class or None)

    async def drawn(self, size_class: str) -> "Markup":
        """Return a map as SVG, its points leading to the pages of the groups; errors as in `points`."""
        points = await self.points(size_class)
        if size_class not in self._drawn:
            landmarks = [(k, points[k].representative) for k in plot_map(points).landmarks]
            faces = await self._science.do(_faces, landmarks)
            self._drawn[size_class] = map_svg(
                points,
                faces.__getitem__,
                lambda k: face_address(points[k].representative),
                lambda k: f"/groups/{quote(points[k].group, safe='')}",
            )
        return self._drawn[size_class]


def _faces(index: "SearchIndex", structures: list[tuple[int, str]]) -> "dict[int, NDArray[np.float32]]":
    return {number: draw_face(index.library.model(name)) for number, name in structures}
