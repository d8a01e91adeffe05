"""An upload to a search in the queue: what the page and the interface do alike."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from emsearch_cli.web.searches import Search
from emsearch_cli.web.site import site_of
from emsearch_cli.web.uploads import read_upload, received_form

__all__ = ["receive_search"]


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
    with site.searches.place():
        async with received_form(request, site.uploads) as upload, site.reading_places.one("Images wait"):
            stack = await run_in_threadpool(read_upload, upload, settings.images, settings.reading)
        return site.searches.add(upload.name, upload.form, stack)
