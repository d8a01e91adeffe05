"""The HTTP interface: what the pages show, for programs."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.security import HTTPBearer
from pydantic import StringConstraints
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from emsearch_cli.groups import COLUMNS
from emsearch_cli.render import answer_to_json
from emsearch_cli.web.api_explanations import ExplanationRequest, ExplanationState
from emsearch_cli.web.api_models import (
    Group,
    Groups,
    IndexFacts,
    MapPoint,
    Problem,
    Question,
    SearchState,
    SqlResult,
    SqlStatement,
    Structure,
)
from emsearch_cli.web.browsing import facts, group_of, groups_page, structure_of
from emsearch_cli.web.explanation_pages import picture_of
from emsearch_cli.web.explanations import Explanation
from emsearch_cli.web.finding import explanation_of, finished, hit_of, search_of
from emsearch_cli.web.models_3d import MMCIF, posed_model
from emsearch_cli.web.receiving import receive_explanation, receive_search
from emsearch_cli.web.searches import Search
from emsearch_cli.web.site import Site, site_of
from emsearch_cli.web.statements import run_statement
from emsearch_cli.web.uploads import SearchForm
from emsearch_index.saved_questions import saved_questions

__all__ = ["COMMON_PROBLEMS", "router"]

COMMON_PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "The request cannot be understood."},
    401: {"model": Problem, "description": "The token is missing or wrong."},
    403: {"model": Problem, "description": "`Host` or `Origin` is foreign."},
    413: {"model": Problem, "description": "The request is too long."},
    422: {"model": Problem, "description": "The image, statement or value cannot be used."},
    408: {"model": Problem, "description": "The request took too long."},
    503: {
        "model": Problem,
        "description": "Too many wait; `Retry-After` says in how many seconds to try again.",
    },
}
"""What may go wrong with any request, by status."""

_NOT_FOUND: dict[int | str, dict[str, Any]] = {404: {"model": Problem, "description": "There is none of it."}}
_FORM = SearchForm.model_json_schema()
_UPLOAD = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["image"],
                    "additionalProperties": False,
                    "properties": {
                        "image": {
                            "type": "string",
                            "format": "binary",
                            "description": "PNG, TIFF, JPEG, MRC, EMAN2 HDF or SPIDER file of a particle or a stack.",
                        },
                        **{
                            name: {key: value for key, value in field.items() if key != "title"}
                            for name, field in _FORM["properties"].items()
                        },
                    },
                }
            }
        },
    }
}

router = APIRouter(
    prefix="/api",
    responses=COMMON_PROBLEMS,
    dependencies=[
        Depends(HTTPBearer(auto_error=False, description="The token that `emsearch serve` printed."))
    ],
)
Sort = Annotated[str, StringConstraints(pattern=f"^-?({'|'.join(COLUMNS)})$")]
Id = Annotated[str, Path(description="Name of a structure or group.", max_length=200)]
ExplanationId = Annotated[str, Path(description="Identifier of an explanation.", max_length=64)]
ImageNumber = Annotated[int, Path(ge=1, le=1 << 31, description="Number of the image in the stack.")]
SearchId = Annotated[str, Path(description="Identifier of a search.", max_length=64)]
Wait = Annotated[
    float, Query(ge=0, le=60, allow_inf_nan=False, description="Wait for the answer so many seconds at most.")
]


@router.get("/index")
async def index(request: Request) -> IndexFacts:
    """Tell which index answers, and whether it is loaded."""
    site = site_of(request)
    found = await run_in_threadpool(facts, site.generation)
    where = {"path": str(site.generation.path.parent), "generation": site.generation.name}
    return IndexFacts.model_validate({**where, "ready": site.science.ready, **found})


@router.post("/searches", status_code=202, openapi_extra=_UPLOAD)
async def add_search(request: Request, response: Response, wait: Wait = 0) -> SearchState:
    """Search an image, or the first images of a stack.

    The answer is there when `state` is `done`: ask for the search at its `Location`, or `wait` for it.
    """
    search = await receive_search(request)
    response.headers["location"] = f"/api/searches/{search.id}"
    await finished(search, wait)
    return _state(site_of(request), search)


@router.get("/searches/{search_id}", responses=_NOT_FOUND)
async def get_search(request: Request, search_id: SearchId, wait: Wait = 0) -> SearchState:
    """Tell how a search stands, and its answers."""
    search = search_of(request, search_id)
    await finished(search, wait)
    return _state(site_of(request), search)


@router.delete("/searches/{search_id}", status_code=204, responses=_NOT_FOUND)
async def remove_search(request: Request, search_id: SearchId) -> None:
    """Forget a search, whether it waits, runs or has ended."""
    site_of(request).jobs.remove(search_of(request, search_id))


@router.get(
    "/searches/{search_id}/{image}/{rank}/model",
    response_class=Response,
    responses={**_NOT_FOUND, 200: {"content": {MMCIF: {"schema": {"type": "string"}}}}},
)
async def get_model(
    request: Request,
    search_id: SearchId,
    image: ImageNumber,
    rank: Annotated[int, Path(ge=1, le=1 << 31, description="Rank of the hit.")],
) -> Response:
    """Give the bead model of a hit as mmCIF, turned as the image shows it: x to the right, y up, z to the eye."""
    _, hit = hit_of(request, search_id, image, rank)
    assert hit.view is not None
    return Response(await site_of(request).science.do(posed_model, hit.view), media_type=MMCIF)


@router.post("/searches/{search_id}/{image}/explanations", status_code=202, responses=_NOT_FOUND)
async def add_explanation(
    request: Request,
    response: Response,
    search_id: SearchId,
    image: ImageNumber,
    body: ExplanationRequest,
    wait: Wait = 0,
) -> ExplanationState:
    """Explain a hit of an image by the log-likelihood of its match, pixel by pixel.

    It waits its turn among the searches: ask for it at its `Location`, or `wait` for it.
    """
    explanation = receive_explanation(request, search_id, image, body.hit, body.rather_than)
    response.headers["location"] = f"/api/explanations/{explanation.id}"
    await finished(explanation, wait)
    return _explanation_state(site_of(request), explanation)


@router.get("/explanations/{explanation_id}", responses=_NOT_FOUND)
async def get_explanation(
    request: Request, explanation_id: ExplanationId, wait: Wait = 0
) -> ExplanationState:
    """Tell how an explanation stands, and its figures."""
    explanation = explanation_of(request, explanation_id)
    await finished(explanation, wait)
    return _explanation_state(site_of(request), explanation)


@router.get(
    "/explanations/{explanation_id}/picture",
    response_class=Response,
    responses={**_NOT_FOUND, 200: {"content": {"image/png": {"schema": {"type": "string"}}}}},
)
async def get_explanation_picture(request: Request, explanation_id: ExplanationId) -> Response:
    """Give the image, the posed projections, and what speaks for the hit in red, as PNG."""
    return Response(picture_of(request, explanation_id), media_type="image/png")


@router.delete("/explanations/{explanation_id}", status_code=204, responses=_NOT_FOUND)
async def remove_explanation(request: Request, explanation_id: ExplanationId) -> None:
    """Forget an explanation, whether it waits, runs or has ended."""
    site_of(request).jobs.remove(explanation_of(request, explanation_id))


@router.get("/map")
async def get_map(
    request: Request,
    size_class: Annotated[str, Query(max_length=200, description="Only the groups of this size class.")] = "",
) -> list[MapPoint]:
    """Lay the shape groups out so that like shapes are neighbours."""
    points = await site_of(request).shape_maps.points(size_class)
    return [MapPoint.model_validate(asdict(point)) for point in points]


@router.get("/groups")
async def list_groups(
    request: Request,
    text: Annotated[
        str, Query(max_length=200, description="Text in the name or title of the group or a member.")
    ] = "",
    size_class: Annotated[str, Query(max_length=200, description="Only the groups of this size class.")] = "",
    sort: Annotated[Sort, Query(description="Column; a minus before it puts the largest first.")] = "id",
    first: Annotated[int, Query(ge=0, le=1 << 31, description="Leave out so many.")] = 0,
    count: Annotated[int, Query(ge=1, le=1000, description="List so many.")] = 100,
) -> Groups:
    """List shape groups."""
    rows, total = await run_in_threadpool(
        groups_page,
        site_of(request).generation,
        text=text,
        size_class=size_class,
        sort=sort,
        first=first,
        count=count,
    )
    return Groups.model_validate({"total": total, "groups": rows})


@router.get("/groups/{group_id}", responses=_NOT_FOUND, response_model=Group)
async def get_group(request: Request, group_id: Id) -> Mapping[str, Any]:
    """Tell everything known of a shape group."""
    found = await run_in_threadpool(group_of, site_of(request).generation, group_id)
    return _there(found, "group")


@router.get("/structures/{structure_id}", responses=_NOT_FOUND, response_model=Structure)
async def get_structure(request: Request, structure_id: Id) -> Mapping[str, Any]:
    """Tell everything known of a structure."""
    found = await run_in_threadpool(structure_of, site_of(request).generation, structure_id)
    return _there(found, "structure")


@router.get("/questions")
async def list_questions() -> list[Question]:
    """List the ready-made questions to the catalogue, as statements for `POST /api/sql`."""
    return [Question.model_validate(asdict(question)) for question in saved_questions()]


@router.post("/sql")
async def sql(request: Request, body: SqlStatement) -> SqlResult:
    """Run one SQL statement over the catalogue, in a process of its own with limits."""
    result = await run_statement(site_of(request), body.statement, body.rows, body.parameters)
    return SqlResult(
        columns=list(result.columns),
        types=list(result.types),
        rows=[list(row) for row in result.rows],
        truncated=result.truncated,
    )


def _there(found: Mapping[str, Any] | None, what: str) -> Mapping[str, Any]:
    if found is None:
        raise HTTPException(404, f"The index has no {what} of that name.")
    return found


def _state(site: Site, search: Search) -> SearchState:
    answers = [replace(found.answer, path=search.name) for found in search.found]
    noted = answers[0].notes if answers else ()
    return SearchState.model_validate(
        {
            "id": search.id,
            "name": search.name,
            "state": search.state,
            "before": site.jobs.before(search),
            "images": search.images,
            "answers": [answer_to_json(answer) for answer in answers],
            "notes": [*noted, *search.notes],
            "problem": search.problem,
            "seconds": round(search.seconds, 3) if search.finished.is_set() else None,
        }
    )


def _explanation_state(site: Site, explanation: Explanation) -> ExplanationState:
    return ExplanationState.model_validate(
        {
            "id": explanation.id,
            "search": explanation.search.id,
            "state": explanation.state,
            "before": site.jobs.before(explanation),
            "explained": explanation.document,
            "problem": explanation.problem,
            "seconds": round(explanation.seconds, 3) if explanation.finished.is_set() else None,
        }
    )
