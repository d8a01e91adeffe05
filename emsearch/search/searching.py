"""Files to answers."""

from collections.abc import Iterator

import torch

from emsearch.particles.reading import ImageStack, read_images, validate_pixel_size
from emsearch.search.answering import answer_proposal
from emsearch.search.contrast import decide_contrast
from emsearch.search.engine import SearchIndex
from emsearch.search.hits import Answer
from emsearch.search.proposal import propose_together
from emsearch.search.quantities import quantities_of_image
from emsearch.search.shortlist import SHORTLIST

__all__ = ["search_file", "search_stack"]


def _pixel_size(stack: ImageStack, option: float | None) -> tuple[float | None, str]:
    if option is not None:
        return validate_pixel_size(option), "option"
    return stack.pixel_size_angstrom, stack.pixel_size_source


def search_file(
    index: SearchIndex,
    spec: str,
    *,
    pixel_size_angstrom: float | None = None,
    contrast: str = "auto",
    top: int = 5,
    rerank: int = SHORTLIST,
) -> list[Answer]:
    """Answer every image of a file, or the one that ``N@stack`` names.

    Parameters
    ----------
    spec : str
        An image or stack as `read_images` takes it, or ``N@stack.mrcs`` counted from 1.
    pixel_size_angstrom : float or None
        Overrides the file's own; where neither is there, size is not used and every class is searched.
    contrast : {"auto", "bright", "dark"}
    top, rerank : int
        Hits returned, and groups matched by projection.

    Raises
    ------
    ImageError
        A file that cannot be read, an image without content, or a pixel size that cannot be.
    """
    if pixel_size_angstrom is not None:
        validate_pixel_size(pixel_size_angstrom)
    stack = read_images(spec)
    return list(
        search_stack(
            index, stack, pixel_size_angstrom=pixel_size_angstrom, contrast=contrast, top=top, rerank=rerank
        )
    )


def search_stack(
    index: SearchIndex,
    stack: ImageStack,
    *,
    pixel_size_angstrom: float | None = None,
    contrast: str = "auto",
    top: int = 5,
    rerank: int = SHORTLIST,
) -> Iterator[Answer]:
    """Answer images that were read, one after another, as `search_file` does; errors as there."""
    pixel, source = _pixel_size(stack, pixel_size_angstrom)
    images = torch.from_numpy(stack.images)
    sign = decide_contrast(index, images, pixel, contrast)
    notes = list(stack.notes)
    if pixel is None:
        notes.append(
            "no pixel size was given or found, so that size was not used and the probabilities are surer than they "
            "should be; give --pixel-size"
        )
    for number, image in zip(stack.numbers, images, strict=True):
        bright = image if sign == "bright" else -image
        proposals = propose_together(index, bright[None], pixel)
        reply = answer_proposal(index, bright, proposals.of(index, 0), top=top, rerank=rerank)
        yield Answer(
            path=stack.path,
            image=number,
            pixel_size_angstrom=pixel,
            pixel_size_source=source,
            contrast=sign,
            index_path=str(index.path),
            generation=index.generation.name,
            in_database_probability=reply.in_database_probability,
            particle_probability=reply.particle_probability,
            hits=reply.hits,
            undecided=reply.undecided,
            notes=tuple(notes),
            quantities=quantities_of_image(index, proposals, 0, pixel, reply.hits[0].size_class),
        )
