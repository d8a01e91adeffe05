"""The page of the shape map."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse

from emsearch_cli.gallery.map_colour import MapColour
from emsearch_cli.gallery.map_plot import class_names
from emsearch_cli.gallery.words import MASS_BINS, mass_bin
from emsearch_cli.web.browsing import facts
from emsearch_cli.web.commands import map_command
from emsearch_cli.web.images import face_picture
from emsearch_cli.web.shape_maps import face_address
from emsearch_cli.web.site import site_of

__all__ = ["router"]

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


@router.get("/map")
async def show_map(
    request: Request,
    size_class: Annotated[str, Query(max_length=200)] = "",
    colour: MapColour = MapColour.MASS,
) -> Response:
    """Show the groups as a map, each point leading to its group."""
    site = site_of(request)
    points = await site.shape_maps.points(size_class)
    page = site.templates.get_template("shape_map.html.j2").render(
        here="map",
        points=points,
        svg=await site.shape_maps.drawn(size_class),
        faces=[face_address(point.representative) for point in points],
        masses=[(k, MASS_BINS[k]) for k in sorted({mass_bin(point.mass_kda) for point in points})],
        classes=list(enumerate(class_names(points))),
        by_mass=colour is MapColour.MASS,
        size_class=size_class,
        known=await run_in_threadpool(facts, site.generation),
        command=map_command(size_class, colour, site.index_option),
    )
    return HTMLResponse(page)


@router.get("/structures/{structure_id}/face.png")
async def show_face(request: Request, structure_id: str) -> Response:
    """Draw the silhouette of a structure."""
    site = site_of(request)
    if structure_id not in site.dmax_angstrom:
        raise HTTPException(404, "The index has no structure of that name.")
    key = ("face", structure_id)
    picture = site.pictures.get(key) or site.pictures.put(
        key, await site.science.do(face_picture, structure_id)
    )
    return Response(picture, media_type="image/png", headers={"cache-control": "private, max-age=3600"})
