"""Pages of explanations: one that waits, what speaks for a hit, its picture."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, RedirectResponse

from emsearch_cli.web.commands import explain_command
from emsearch_cli.web.explanations import Explanation
from emsearch_cli.web.finding import explanation_of, finished
from emsearch_cli.web.receiving import receive_explanation
from emsearch_cli.web.site import Site, site_of

__all__ = ["router"]

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


@router.post("/searches/{search_id}/{image}/explanations")
async def add_explanation(
    request: Request,
    search_id: str,
    image: int,
    hit: Annotated[int, Form(ge=1)] = 1,
    rather_than: Annotated[int | None, Form(ge=1)] = None,
) -> Response:
    """Put an explanation into the queue and lead to its page."""
    explanation = receive_explanation(request, search_id, image, hit, rather_than)
    return RedirectResponse(f"/explanations/{explanation.id}", 303)


@router.get("/explanations/{explanation_id}")
async def show_explanation(request: Request, explanation_id: str) -> Response:
    """Show how an explanation stands, or what speaks for the hit."""
    site, explanation = site_of(request), explanation_of(request, explanation_id)
    search = explanation.search
    if not await finished(explanation, site.settings.held_seconds):
        page = site.templates.get_template("waiting.html.j2").render(
            here="search",
            heading="Explaining",
            job=explanation,
            name=search.name,
            images=1,
            answered=None,
            before=site.jobs.before(explanation),
            ready=site.science.ready,
        )
        return HTMLResponse(page, headers={"refresh": "1"})
    if explanation.problem is not None:
        raise HTTPException(500 if explanation.fault else 422, f"{search.name}: {explanation.problem}")
    assert explanation.document is not None
    page = site.templates.get_template("explanation.html.j2").render(
        here="search",
        explanation=explanation,
        image=explanation.document["images"][0],
        method=explanation.document["methods"][0],
        search=search,
        answer=explanation.found.answer,
        kept=site.jobs.get(search.id) is not None,
        command=_command(site, explanation),
    )
    return HTMLResponse(page)


def _command(site: Site, explanation: Explanation) -> str:
    search, rival = explanation.search, explanation.rather_than
    return explain_command(
        search.name,
        search.form,
        explanation.hit.group,
        None if rival is None else rival.group,
        site.index_option,
        explanation.found.answer.image if search.images > 1 else None,
    )


@router.get("/explanations/{explanation_id}/picture.png")
async def show_explanation_picture(request: Request, explanation_id: str) -> Response:
    """Give the picture of an explanation."""
    return Response(picture_of(request, explanation_id), media_type="image/png")


@router.get("/explanations/{explanation_id}/narrow.png")
async def show_narrow_picture(request: Request, explanation_id: str) -> Response:
    """Give the picture of an explanation as a phone shows it."""
    picture_of(request, explanation_id)
    return Response(explanation_of(request, explanation_id).narrow_picture, media_type="image/png")


def picture_of(request: Request, explanation_id: str) -> bytes:
    """Return the picture of an explanation; HTTPException 404 where there is none, or not yet."""
    picture = explanation_of(request, explanation_id).picture
    if picture is None:
        raise HTTPException(404, "This explanation has no picture, or not yet.")
    return picture
