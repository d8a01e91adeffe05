"""Finding a search, one of its images, and a hit of it, by the parts of an address."""

import asyncio
from contextlib import suppress

from starlette.exceptions import HTTPException
from starlette.requests import Request

from emsearch.search.hits import Hit
from emsearch_cli.web.images import FoundImage
from emsearch_cli.web.searches import Search
from emsearch_cli.web.site import site_of

__all__ = ["finished", "hit_of", "image_of", "search_of"]


def search_of(request: Request, search_id: str) -> Search:
    """Return a search; HTTPException 404 where it is not kept."""
    search = site_of(request).searches.get(search_id)
    if search is None:
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


async def finished(search: Search, seconds: float) -> bool:
    """Wait so long at most until a search has ended, and return whether it has."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await search.finished.wait()
    return search.finished.is_set()
