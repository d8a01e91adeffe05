"""The report of a query: one set an image."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from shlex import join
from typing import TYPE_CHECKING

from emsearch_cli.render import by_itself
from emsearch_cli.report.contents import Explained, ReportContents, ReportHit, SetPage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from emsearch.search.engine import SearchIndex
    from emsearch.search.hits import Answer, Hit

__all__ = ["command_line", "library_versions", "report_hit", "report_of_answers"]

_LIBRARIES = ("emsearch", "torch", "numpy", "faiss-gpu", "faiss-cpu", "duckdb", "gemmi")


def command_line() -> str:
    """Return the command that is running, as it could be typed again."""
    return join(["emsearch", *sys.argv[1:]])


def library_versions() -> dict[str, str]:
    """Return the versions of what the answer depends on, of those that are installed."""
    from importlib.metadata import PackageNotFoundError

    found = {}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def report_hit(hit: "Hit") -> ReportHit:
    """Return a hit as the report shows it."""
    return ReportHit(
        group=hit.group,
        representative=hit.representative,
        title=hit.title,
        members=hit.members,
        probability=hit.probability,
        mass_kda=hit.mass_kda,
        dmax_angstrom=hit.dmax_angstrom,
        similarity=hit.similarity,
        correlation=None if hit.view is None else hit.view.correlation,
    )


def report_of_answers(
    index: "SearchIndex", answers: "Sequence[Answer]", explained: Sequence[Explained | None] | None = None
) -> ReportContents:
    """Return the report of the answers to the images of one file, of which some may be explained."""
    first = answers[0]
    pixel = first.pixel_size_angstrom
    return ReportContents(
        title="What is this particle?" if len(answers) == 1 else "What are these particles?",
        command=command_line(),
        created=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        versions=library_versions(),
        index_path=first.index_path,
        generation=first.generation,
        input_path=first.path,
        particles=len(answers),
        pixel_size="unknown" if pixel is None else f"{pixel:.4g} Å ({first.pixel_size_source})",
        contrast=first.contrast,
        sets=tuple(
            _set_page(index, answer, why)
            for answer, why in zip(answers, explained or [None] * len(answers), strict=True)
        ),
    )


def _set_page(index: "SearchIndex", answer: "Answer", explained: Explained | None) -> SetPage:
    from emsearch.search.picture import posed_projection, query_image

    image, size = query_image(answer), by_itself(answer, "Å")
    best = answer.hits[0]
    side = min(image.shape)
    projection = None
    if best.view is not None:
        pixel = answer.pixel_size_angstrom or best.dmax_angstrom * 1.5 / side
        projection = posed_projection(index, best, side, pixel)
    return SetPage(
        name=f"image {answer.image}",
        images=1,
        none_probability=1 - answer.in_database_probability,
        hits=tuple(report_hit(hit) for hit in answer.hits),
        particle_probability=answer.particle_probability,
        undecided=answer.undecided,
        query_image=_middle(image, side),
        pixel_size_angstrom=answer.pixel_size_angstrom,
        projection=projection,
        explained=explained,
        notes=(f"{size}.", *answer.notes) if size else answer.notes,
    )


def _middle(image: "NDArray[np.float32]", side: int) -> "NDArray[np.float32]":
    """Cut the middle square out of an image."""
    top, left = image.shape[0] // 2 - side // 2, image.shape[1] // 2 - side // 2
    return image[top : top + side, left : left + side]
