"""Pages of the search: the form, a search that waits, its answer."""

from dataclasses import replace
from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, RedirectResponse

from emsearch.particles.errors import ImageError
from emsearch_cli.render import answer_to_json, by_itself
from emsearch_cli.report.of_answers import report_hit
from emsearch_cli.web.commands import query_command
from emsearch_cli.web.finding import finished, hit_of, image_of, search_of
from emsearch_cli.web.images import PICTURES, FoundImage, picture_of_hit
from emsearch_cli.web.models_3d import MMCIF, posed_model
from emsearch_cli.web.receiving import receive_search
from emsearch_cli.web.searches import Search
from emsearch_cli.web.site import Site, site_of
from emsearch_cli.web.uploads import SearchForm

__all__ = ["router"]

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

Picture = Literal["image", "projection", "difference"]
_RECENT = 12


@router.get("/")
async def home(request: Request) -> Response:
    """Show the form."""
    return _form(request, None, 200)


@router.post("/searches")
async def add_search(request: Request) -> Response:
    """Take an image and lead to the page of its search; back to the form where the image cannot be used."""
    try:
        search = await receive_search(request)
    except ImageError as error:
        return _form(request, f"{error}.", 422)
    except HTTPException as error:
        if error.status_code != 422:
            raise
        return _form(request, error.detail, 422)
    return RedirectResponse(f"/searches/{search.id}", 303)


def _form(request: Request, problem: str | None, status: int) -> Response:
    """Show the form, what was filled in before kept."""
    site = site_of(request)
    page = site.templates.get_template("home.html.j2").render(
        here="search",
        problem=problem,
        ready=site.science.ready,
        recent=[job for job in site.jobs.recent if isinstance(job, Search)][:_RECENT],
        settings=site.settings,
        form={**SearchForm().model_dump(), **getattr(request.state, "fields", {})},
    )
    return HTMLResponse(page, status)


@router.get("/searches/{search_id}")
async def show_search(request: Request, search_id: str) -> Response:
    """Show how a search stands, or what was found; of a stack, all its images."""
    site, search = site_of(request), search_of(request, search_id)
    if not await finished(search, site.settings.held_seconds):
        page = site.templates.get_template("waiting.html.j2").render(
            here="search",
            heading="Searching",
            job=search,
            name=search.name,
            images=search.images,
            answered=len(search.found),
            before=site.jobs.before(search),
            ready=site.science.ready,
        )
        return HTMLResponse(page, headers={"refresh": "1"})
    if search.problem is not None:
        raise HTTPException(500 if search.fault else 422, f"{search.name}: {search.problem}")
    if search.images == 1:
        return _answer(site, search, search.found[0])
    page = site.templates.get_template("stack.html.j2").render(
        here="search",
        search=search,
        notes=_notes(search, search.found[0]),
        command=query_command(search.name, search.form, site.index_option),
        rows=[(found.answer, answer_to_json(found.answer)) for found in search.found],
    )
    return HTMLResponse(page)


@router.get("/searches/{search_id}/{image}")
async def show_image(request: Request, search_id: str, image: int) -> Response:
    """Show what was found of one image of a stack."""
    search, found = image_of(request, search_id, image)
    return _answer(site_of(request), search, found)


def _answer(site: Site, search: Search, found: FoundImage) -> Response:
    answer, record = found.answer, answer_to_json(found.answer)
    hits = [
        replace(report_hit(hit), probability=rounded["probability"])
        for hit, rounded in zip(answer.hits, record["hits"], strict=True)
    ]
    page = site.templates.get_template("answer.html.j2").render(
        here="search",
        search=search,
        answer=answer,
        hits=hits,
        others=[
            (hit.rank, shown)
            for hit, shown in zip(answer.hits, hits, strict=True)
            if hit.rank > 1 and hit.view is not None
        ],
        none_probability=1 - record["in_database_probability"],
        alone=by_itself(answer, "Å"),
        base=f"/searches/{search.id}/{answer.image}",
        command=_command(site, search, answer.image),
        notes=_notes(search, found),
        **_neighbours(search, answer.image),
    )
    return HTMLResponse(page)


def _command(site: Site, search: Search, image: int) -> str:
    return query_command(search.name, search.form, site.index_option, image if search.images > 1 else None)


def _notes(search: Search, found: FoundImage) -> list[str]:
    return [*found.answer.notes, *search.notes]


def _neighbours(search: Search, image: int) -> dict[str, Any]:
    numbers = [found.answer.image for found in search.found]
    place = numbers.index(image)
    return {
        "earlier": numbers[place - 1] if place else None,
        "later": numbers[place + 1] if place + 1 < len(numbers) else None,
    }


@router.get("/searches/{search_id}/{image}/image.png")
async def show_query(request: Request, search_id: str, image: int) -> Response:
    """Draw the image that was asked about."""
    _, found = image_of(request, search_id, image)
    return await _drawn(request, found, found.answer.hits[0].rank, "image")


@router.get("/searches/{search_id}/{image}/{rank}/{kind}.png")
async def show_picture(request: Request, search_id: str, image: int, rank: int, kind: Picture) -> Response:
    """Draw the projection of a hit in its pose, or what is left of the image without it."""
    found, _ = hit_of(request, search_id, image, rank)
    return await _drawn(request, found, rank, kind)


async def _drawn(request: Request, found: FoundImage, rank: int, kind: str) -> Response:
    assert kind in PICTURES
    site = site_of(request)
    key = (id(found.image), found.answer.image, rank, kind)
    picture = site.pictures.get(key)
    if picture is None:
        hit = next(hit for hit in found.answer.hits if hit.rank == rank)
        drawn = await site.science.do(picture_of_hit, found, hit, kind)
        picture = site.pictures.put(key, drawn)
    return Response(picture, media_type="image/png", headers={"cache-control": "private, max-age=3600"})


@router.get("/searches/{search_id}/{image}/{rank}/model.cif")
async def show_model(request: Request, search_id: str, image: int, rank: int) -> Response:
    """Give a hit's bead model in the view of the image."""
    _, hit = hit_of(request, search_id, image, rank)
    assert hit.view is not None
    return Response(await site_of(request).science.do(posed_model, hit.view), media_type=MMCIF)
