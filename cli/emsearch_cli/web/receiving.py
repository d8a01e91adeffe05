"""From a request to a job in the queue: what the page and the interface do alike."""

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request

from emsearch.search.hits import Hit
from emsearch_cli.web.explanations import Explanation
from emsearch_cli.web.finding import image_of
from emsearch_cli.web.images import FoundImage
from emsearch_cli.web.searches import Search
from emsearch_cli.web.site import site_of
from emsearch_cli.web.uploads import read_upload, received_form

__all__ = ["receive_explanation", "receive_search"]


async def receive_search(request: Request) -> Search:
    """Receive an image, read it in the guarded child, and put its search into the queue.

    Raises
    ------
    HTTPException
        The queue is full (503), before the body is read, or the form is not as it should be (422).
    ImageError
        The image cannot be used.
    """
    site = site_of(request)
    settings = site.settings
    with site.jobs.place():
        async with received_form(request, site.uploads) as upload, site.reading_places.one("Images wait"):
            stack = await run_in_threadpool(read_upload, upload, settings.images, settings.reading)
        search = Search(name=upload.name, form=upload.form, stack=stack)
        site.jobs.add(search)
    return search


def receive_explanation(
    request: Request, search_id: str, image: int, hit: int, rather_than: int | None
) -> Explanation:
    """Put the explanation of a hit, rather than another one, into the queue; both are ranks.

    Raises
    ------
    HTTPException
        There is no such search, image or hit (404), both hits are the same (422), or the queue is full (503).
    """
    search, found = image_of(request, search_id, image)
    if hit == rather_than:
        raise HTTPException(422, f"Hit and rival are the same, {hit}; choose two.")
    hits = [_ranked(found, rank) for rank in (hit, *([] if rather_than is None else [rather_than]))]
    jobs = site_of(request).jobs
    explanation = Explanation(
        search=search, found=found, hit=hits[0], rather_than=hits[1] if len(hits) == 2 else None
    )
    with jobs.place():
        jobs.add(explanation)
    return explanation


def _ranked(found: FoundImage, rank: int) -> Hit:
    for hit in found.answer.hits:
        if hit.rank == rank:
            return hit
    raise HTTPException(404, f"This image has no hit of rank {rank}; it has {len(found.answer.hits)}.")
