"""Finding a search, one of its images, a hit of it, and an explanation, by the parts of an address."""

import asyncio
from contextlib import suppress

from starlette.exceptions import HTTPException
from starlette.requests import Request

from emsearch.search.hits import Hit
from emsearch_cli.web.explanations import Explanation
from emsearch_cli.web.images import FoundImage
from emsearch_cli.web.jobs import Job
from emsearch_cli.web.searches import Search
from emsearch_cli.web.site import site_of

__all__ = ["explanation_of", "finished", "hit_of", "image_of", "search_of"]


def search_of(request: Request, search_id: str) -> Search:
    """Return a search; HTTPException 404 where it is not kept."""
    search = site_of(request).jobs.get(search_id)
    if not isinstance(search, Search):
        raise HTTPException(404, "This search is not kept any more, or never was; search the image again.")
    return search


def image_of(request: Request, search_id: str, image: int) -> tuple[Search, FoundImage]:
    """Return a search and what was found of one of its images; HTTPException 404 where there is none."""
    search = search_of(request, search_id)
    for found in search.found:
        if found.answer.image == image:
            return search, found
    raise HTTPException(404, "This search has no answer to an image of that number.")


def hit_of(request: Request, search_id: str, image: int, rank: int) -> tuple[FoundImage, Hit]:
    """Return an image and one of its hits that was matched; HTTPException 404 where there is none."""
    _, found = image_of(request, search_id, image)
    for hit in found.answer.hits:
        if hit.rank == rank and hit.view is not None:
            return found, hit
    raise HTTPException(404, "This image has no hit of that rank that was matched by projection.")


def explanation_of(request: Request, explanation_id: str) -> Explanation:
    """Return an explanation; HTTPException 404 where it is not kept."""
    explanation = site_of(request).jobs.get(explanation_id)
    if not isinstance(explanation, Explanation):
        raise HTTPException(
            404, "This explanation is not kept any more, or never was; ask for it at the answer again."
        )
    return explanation


async def finished(job: Job, seconds: float) -> bool:
    """Wait so long at most until a job has ended, and return whether it has."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await job.finished.wait()
    return job.finished.is_set()
