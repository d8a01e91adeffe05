"""The application: gate, limits, pages and interface around one index."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import FastAPI, Response
from starlette.responses import FileResponse
from starlette.staticfiles import StaticFiles

from emsearch import __version__
from emsearch_cli.gallery.card_page import GALLERY_FOLDER
from emsearch_cli.report.environment import REPORT_FOLDER
from emsearch_cli.web import api, catalogue_pages, explanation_pages, map_pages, search_pages, sql_pages
from emsearch_cli.web.browsing import sizes_of
from emsearch_cli.web.gate import Gate
from emsearch_cli.web.images import RecentPictures
from emsearch_cli.web.jobs import JobQueue
from emsearch_cli.web.limits import Places, RequestLimits
from emsearch_cli.web.problems import Problems
from emsearch_cli.web.science import Science
from emsearch_cli.web.settings import WebSettings
from emsearch_cli.web.shape_maps import ShapeMaps
from emsearch_cli.web.site import Site
from emsearch_cli.web.templating import templates
from emsearch_index.own_folder import own_folder

if TYPE_CHECKING:
    from emsearch.search.engine import SearchIndex
    from emsearch_index.generation import Generation

__all__ = ["create_app", "interface"]

_STATIC = Path(__file__).parent / "static"
_STYLE_AND_SCRIPT = {
    "report.css": REPORT_FOLDER / "style.css",
    "map.css": GALLERY_FOLDER / "map.css",
    "map.js": GALLERY_FOLDER / "map.js",
}
_READ_TOGETHER, _READ_WAITING = 2, 64  # uploads that are decoded; the queue lets fewer in


def create_app(
    generation: "Generation",
    open_index: "Callable[[], SearchIndex]",
    *,
    token: str,
    cookie: str = "emsearch",
    names: tuple[str, ...] = (),
    settings: WebSettings | None = None,
    index_option: Path | None = None,
    prepare: "Callable[[SearchIndex], None]" = lambda index: None,
    failed: Callable[[BaseException], None] = lambda error: None,
) -> Gate:
    """Return the application of one index, its gate outermost, so that nothing leaves without its headers.

    Parameters
    ----------
    generation
        Whose catalogue the pages show.
    open_index
        Opens it for searching; runs in the background when the application starts.
    token, cookie, names
        As `emsearch_cli.web.gate.Gate` takes them.
    settings
        Limits; their defaults where None.
    index_option
        The folder that ``--index`` named, for the commands that the pages show.
    prepare
        Done with the index before it is used.
    failed
        Called with the exception where the index cannot be opened.
    """
    settings = settings or WebSettings()
    environment = templates()
    problems = Problems(environment)
    dmax_angstrom = sizes_of(generation)  # a catalogue that cannot be read is told before the page starts

    @asynccontextmanager
    async def running(app: FastAPI) -> AsyncIterator[None]:
        science = Science(open_index, prepare, failed)
        with own_folder("emsearch-serve-") as uploads:
            jobs = JobQueue(science, settings)
            app.state.site = Site(
                settings=settings,
                generation=generation,
                index_option=index_option,
                uploads=uploads,
                dmax_angstrom=dmax_angstrom,
                science=science,
                jobs=jobs,
                shape_maps=ShapeMaps(generation, science),
                sql_places=Places(settings.sql_together, settings.sql_waiting),
                reading_places=Places(_READ_TOGETHER, _READ_WAITING),
                pictures=RecentPictures(),
                templates=environment,
                problems=problems,
            )
            science.start()
            jobs.start()
            try:
                yield
            finally:
                await jobs.stop()
                science.stop()

    app = interface(running)
    problems.handle(app)
    return Gate(
        RequestLimits(app, settings=settings, refuse=problems.response),
        token=token,
        cookie=cookie,
        names=names,
        refuse=problems.response,
    )


def interface(running: Callable[[FastAPI], AbstractAsyncContextManager[None]] | None = None) -> FastAPI:
    """Return the routes without what guards them; ``running`` holds what they need while they serve."""
    app = FastAPI(
        title="emsearch",
        version=__version__,
        summary="Name the PDB structures that a particle in the electron microscope looks like.",
        openapi_url="/api/openapi.json",
        docs_url=None,  # their scripts come from elsewhere
        redoc_url=None,
        lifespan=running,
    )
    routers = (
        api.router,
        search_pages.router,
        explanation_pages.router,
        map_pages.router,  # before the pages of structures, whose pictures have numbers for names
        catalogue_pages.router,
        sql_pages.router,
    )
    for router in routers:
        app.include_router(router)
    app.state.routes = [route for router in routers for route in router.routes]
    for name, file in _STYLE_AND_SCRIPT.items():
        app.add_api_route(f"/static/{name}", _giving(file), include_in_schema=False)
    app.mount("/static", StaticFiles(directory=_STATIC), name="static")
    return app


def _giving(file: Path) -> Callable[[], Awaitable[Response]]:
    async def give() -> Response:
        return FileResponse(file)

    return give
