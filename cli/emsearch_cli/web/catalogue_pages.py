"""Pages of the catalogue: groups, one group, one structure."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse

from emsearch.search.hits import View
from emsearch_cli.groups import COLUMNS
from emsearch_cli.web.browsing import facts, group_of, groups_page, structure_of
from emsearch_cli.web.commands import groups_command, show_command
from emsearch_cli.web.images import SIDES, side_view
from emsearch_cli.web.models_3d import MMCIF, posed_model
from emsearch_cli.web.site import Site, site_of
from emsearch_index.errors import UsageError
from emsearch_index.schema import TABLES

__all__ = ["router"]

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

_ON_A_PAGE = 48
Text = Annotated[str, Query(max_length=200)]


@router.get("/groups")
async def show_groups(
    request: Request,
    text: Text = "",
    size_class: Text = "",
    sort: Text = "-members",
    page: Annotated[int, Query(ge=1, le=1 << 20)] = 1,
) -> Response:
    """List groups, a page at a time."""
    site = site_of(request)
    if sort.removeprefix("-") not in COLUMNS:
        raise UsageError(f"There is no column {sort!r} to sort by; choose one of {', '.join(COLUMNS)}.")
    rows, total = await run_in_threadpool(
        groups_page,
        site.generation,
        text=text.strip(),
        size_class=size_class,
        sort=sort,
        first=(page - 1) * _ON_A_PAGE,
        count=_ON_A_PAGE,
    )
    return _page(
        site,
        "groups.html.j2",
        here="groups",
        rows=rows,
        total=total,
        page=page,
        pages=max(1, -(-total // _ON_A_PAGE)),
        asked={"text": text, "size_class": size_class, "sort": sort},
        known=await run_in_threadpool(facts, site.generation),
        command=groups_command(size_class, sort, text.strip(), site.index_option),
    )


@router.get("/groups/{group_id}")
async def show_group(request: Request, group_id: str) -> Response:
    """Show a group and its members."""
    site = site_of(request)
    found = await run_in_threadpool(group_of, site.generation, group_id)
    if found is None:
        raise HTTPException(404, "The index has no group of that name.")
    command = show_command(found["id"], site.index_option)
    return _page(site, "group.html.j2", here="groups", group=found, command=command)


@router.get("/structures/{structure_id}")
async def show_structure(request: Request, structure_id: str) -> Response:
    """Show a structure."""
    site = site_of(request)
    found = await run_in_threadpool(structure_of, site.generation, structure_id)
    if found is None:
        raise HTTPException(404, "The index has no structure of that name.")
    columns = next(table.columns for table in TABLES if table.name == "structures")
    return _page(
        site,
        "structure.html.j2",
        here="groups",
        structure=found,
        columns=columns,
        command=show_command(found["id"], site.index_option),
    )


@router.get("/structures/{structure_id}/{side}.png")
async def show_side(request: Request, structure_id: str, side: int) -> Response:
    """Draw a structure from one of three sides."""
    site = site_of(request)
    dmax = site.dmax_angstrom.get(structure_id)
    if dmax is None or not 0 <= side < len(SIDES):
        raise HTTPException(404, "There is no such view.")
    key = (structure_id, side)
    picture = site.pictures.get(key) or site.pictures.put(
        key, await site.science.do(side_view, structure_id, side, dmax)
    )
    return Response(picture, media_type="image/png", headers={"cache-control": "private, max-age=3600"})


@router.get("/structures/{structure_id}/model.cif")
async def show_structure_model(request: Request, structure_id: str) -> Response:
    """Give a structure's bead model as mmCIF."""
    site = site_of(request)
    if structure_id not in site.dmax_angstrom:
        raise HTTPException(404, "The index has no structure of that name.")
    view = View(structure_id, SIDES[0], 0.0, (0.0, 0.0), False, 1.0, 1.0)
    return Response(await site.science.do(posed_model, view), media_type=MMCIF)


def _page(site: Site, template: str, /, **values: object) -> Response:
    return HTMLResponse(site.templates.get_template(template).render(**values))
