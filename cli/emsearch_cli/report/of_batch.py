"""The report of a batch: one page of the sets that its particles make, of the mixture, and of what failed."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from emsearch_cli.render import size_and_shape
from emsearch_cli.report.contents import Explained, MixtureRow, ReportContents, ReportHit, SetPage
from emsearch_cli.report.of_answers import command_line, library_versions

if TYPE_CHECKING:
    from emsearch.batch.run import BatchReport
    from emsearch.batch.set_answers import SetAnswer, SetHit
    from emsearch.batch.stack_search import StackSearch

__all__ = ["report_of_batch"]


def report_of_batch(report: "BatchReport", *, explain: bool = False) -> ReportContents:
    """Return the report of a batch whose particles were answered as sets; ``explain`` the clearest image of each."""
    stack = report.stack
    return ReportContents(
        title="What is in this stack?",
        command=command_line(),
        created=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        versions=library_versions(),
        index_path=str(stack.index.path),
        generation=stack.index.generation.name,
        input_path=stack.source.path,
        particles=stack.source.count,
        pixel_size=_pixel_sizes(stack),
        contrast=stack.contrast,
        sets=tuple(_set_page(stack, answer, explain=explain) for answer in report.sets),
        mixture=tuple(MixtureRow(part.shows, part.fraction, part.low, part.high) for part in report.mixture),
        bad_particles=tuple((failure.particle, failure.error) for failure in report.failures),
        parameters=stack.settings.to_json(),
    )


def _pixel_sizes(stack: "StackSearch") -> str:
    sizes = sorted({pixel for row in range(stack.source.count) if (pixel := stack.pixel_size(row))})
    if not sizes:
        return "unknown"
    given = stack.settings.pixel_size_angstrom is not None
    source = "option" if given else stack.source.pixel_size_source
    span = f"{sizes[0]:.4g}" if len(sizes) == 1 else f"{sizes[0]:.4g} to {sizes[-1]:.4g}"
    return f"{span} Å ({source})"


def _set_page(stack: "StackSearch", answer: "SetAnswer", *, explain: bool) -> SetPage:
    from emsearch.evidence.directions import spread_of_directions

    spread = spread_of_directions(answer.directions)
    page = SetPage(
        name=answer.set,
        images=answer.images,
        none_probability=answer.none,
        hits=tuple(_hit(stack, hit) for hit in answer.hits),
        speaking=answer.speaking,
        images_to_settle=answer.images_to_settle,
        directions=answer.directions if answer.posed else None,
        uniform_p=spread.uniform_p if spread else None,
        covered=spread.covered if spread else None,
        notes=(
            f"{answer.matched} of {answer.images} images were matched by projection",
            *_by_pictures(answer),
        ),
    )
    if not answer.posed:
        return page
    page = _with_pictures(stack, answer, page)
    return replace(page, explained=_explained(stack, answer)) if explain else page


def _by_pictures(answer: "SetAnswer") -> tuple[str, ...]:
    """Return what the images say together of size and shape, where they say it."""
    if answer.quantities is None:
        return ()
    shapes = " and ".join(f"{word} in {images}" for word, images in answer.shapes)
    told = f"{shapes} of {answer.images} images" if shapes else None
    return (f"By the pictures alone: {size_and_shape(answer.quantities, told)}",)


def _explained(stack: "StackSearch", answer: "SetAnswer") -> Explained:
    """Explain the image that shows the first group most clearly."""
    from emsearch_cli.report.explained import explained_image

    return explained_image(
        stack.index,
        stack.source,
        answer.posed[0].row,
        answer.hits[0].group,
        answer.hits[1].group if len(answer.hits) > 1 else None,
        pixel_size_angstrom=stack.settings.pixel_size_angstrom,
        contrast=stack.contrast,
    )


def _hit(stack: "StackSearch", hit: "SetHit") -> ReportHit:
    group = stack.index.groups[stack.index.number[hit.group]]
    return ReportHit(
        group=group.id,
        representative=group.representative,
        title=group.title,
        members=group.members,
        probability=hit.probability,
        mass_kda=group.mass_kda,
        dmax_angstrom=group.dmax_angstrom,
    )


def _with_pictures(stack: "StackSearch", answer: "SetAnswer", page: SetPage) -> SetPage:
    """Add the image that shows the first group most clearly, and that group's projection in its pose."""
    from emsearch.search.picture import posed_view

    posed = answer.posed[0]
    (alike,) = stack.read([posed.row]).alike
    image = alike.bright(stack.contrast)[0].numpy()
    side = min(image.shape)
    top, left = image.shape[0] // 2 - side // 2, image.shape[1] // 2 - side // 2
    dmax = stack.index.groups[stack.index.number[answer.hits[0].group]].dmax_angstrom
    pixel = alike.pixel_size_angstrom or dmax * 1.5 / side
    drawn = posed_view(stack.index, posed.view, side, pixel)
    return replace(
        page,
        query_image=image[top : top + side, left : left + side],
        pixel_size_angstrom=alike.pixel_size_angstrom,
        projection=drawn,
    )
