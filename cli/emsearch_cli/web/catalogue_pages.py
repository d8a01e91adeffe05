"""Pages of the catalogue: groups, one group, one structure, SQL."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse

from emsearch.search.hits import View
from emsearch_cli.groups import COLUMNS
from emsearch_cli.web.browsing import facts, group_of, groups_page, structure_of
from emsearch_cli.web.commands import groups_command, show_command, sql_command
from emsearch_cli.web.images import SIDES, side_view
from emsearch_cli.web.models_3d import MMCIF, posed_model
from emsearch_cli.web.site import Site, site_of
from emsearch_cli.web.statements import DOWNLOADS, downloaded, run_statement
from emsearch_index.errors import QueryError, UsageError
from emsearch_index.schema import TABLES

__all__ = ["router"]

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

_ON_A_PAGE = 48
_SHOWN_ROWS = 200
_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UBIGINT", "FLOAT", "DOUBLE")
_DOWNLOADED_ROWS = 10_000
_FIRST_STATEMENT = """SELECT id, title, mass_da / 1000 AS mass_kda, dmax_angstrom
FROM structures
ORDER BY mass_da DESC
LIMIT 20"""
Text = Annotated[str, Query(max_length=200)]
Statement = Annotated[str, Query(max_length=20_000)]


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


@router.get("/sql")
async def show_sql(request: Request, statement: Statement = "") -> Response:
    """Show the box for a statement, and the first rows of its result."""
    site = site_of(request)
    result = problem = None
    statement = statement.replace("\r\n", "\n")  # as a browser sends the lines of a form
    if statement.strip():
        try:
            result = await run_statement(site, statement, _SHOWN_ROWS)
        except QueryError as error:
            problem = f"{error}."
    return _page(
        site,
        "sql.html.j2",
        422 if problem else 200,
        here="sql",
        statement=statement if statement.strip() else _FIRST_STATEMENT,
        result=result,
        problem=problem,
        numbers=_NUMBERS,
        tables=TABLES,
        downloads=list(DOWNLOADS),
        most_rows=_DOWNLOADED_ROWS,
        command=sql_command(statement, site.index_option) if statement.strip() else None,
    )


@router.get("/sql/result.{form}")
async def download_sql(request: Request, form: str, statement: Statement) -> Response:
    """Give the result of a statement as a file."""
    if form not in DOWNLOADS:
        raise HTTPException(404, f"Results come as {', '.join(DOWNLOADS)}.")
    result = await run_statement(site_of(request), statement, _DOWNLOADED_ROWS)
    headers = {"content-disposition": f'attachment; filename="result.{form}"'}
    content = await run_in_threadpool(downloaded, result, form)
    return Response(content, media_type=DOWNLOADS[form], headers=headers)


def _page(site: Site, template: str, status: int = 200, /, **values: object) -> Response:
    return HTMLResponse(site.templates.get_template(template).render(**values), status)
