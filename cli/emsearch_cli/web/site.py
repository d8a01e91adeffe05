"""What the parts of one running page share."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.requests import Request

if TYPE_CHECKING:
    from jinja2 import Environment

    from emsearch_cli.web.images import RecentPictures
    from emsearch_cli.web.jobs import JobQueue
    from emsearch_cli.web.limits import Places
    from emsearch_cli.web.problems import Problems
    from emsearch_cli.web.science import Science
    from emsearch_cli.web.settings import WebSettings
    from emsearch_cli.web.shape_maps import ShapeMaps
    from emsearch_index.generation import Generation

__all__ = ["Site", "site_of"]


@dataclass(frozen=True, slots=True)
class Site:
    """A page that runs: its index, limits, jobs and templates.

    ``index_option`` is the folder as ``--index`` named it, None for the index that ships; ``uploads`` is the folder of the
    images that arrive, ``dmax_angstrom`` the largest dimension of every structure that can be drawn.
    """

    settings: "WebSettings"
    generation: "Generation"
    index_option: Path | None
    uploads: Path
    dmax_angstrom: dict[str, float]
    science: "Science"
    jobs: "JobQueue"
    shape_maps: "ShapeMaps"
    sql_places: "Places"
    reading_places: "Places"
    pictures: "RecentPictures"
    templates: "Environment"
    problems: "Problems"


def site_of(request: Request) -> Site:
    """Return the site that a request came to."""
    site: Site = request.app.state.site
    return site
