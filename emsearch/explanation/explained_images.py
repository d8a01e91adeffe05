"""The images of a file or stack explained, and what they say together of the molecule."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from emsearch.explanation.case import Picture, case_of
from emsearch.explanation.choosing import choose_groups
from emsearch.explanation.explaining import Explanation, explain_case
from emsearch.explanation.methods import Method
from emsearch.explanation.perturbing import Perturbing
from emsearch.particles.ctf_correction import correct_ctf, remaining_transfer
from emsearch.particles.errors import ImageError
from emsearch.particles.reading import validate_pixel_size
from emsearch.particles.source import ParticleSource
from emsearch.search.contrast import decide_contrast
from emsearch.search.engine import Group, SearchIndex
from emsearch.search.shortlist import SHORTLIST
from emsearch_index.errors import UsageError

__all__ = ["ExplainedImages", "explain_images", "explain_pictures", "picture_of", "rows_of"]

Floats = NDArray[np.float64]
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class ExplainedImages:
    """Explanations of some rows, from 0, of a source, all of one hit in one structure of it.

    ``contrast`` is what the images were taken for; ``unused`` says of the images that could not be read why.
    """

    rows: tuple[int, ...]
    explanations: tuple[Explanation, ...]
    hit: Group
    rival: Group | None
    structure: str
    contrast: str
    pixel_size_angstrom: float | None
    unused: tuple[str, ...]

    @property
    def clearest(self) -> int:
        """The place of the image that speaks most for the hit."""
        return int(np.argmax([e.match.log_likelihood for e in self.explanations]))

    def beads(self, method: Method) -> Floats:
        """Return the relevance of each bead (n,), the mean over images."""
        return np.asarray(np.mean([e.parts[method].beads.beads for e in self.explanations], axis=0))

    def beside(self, method: Method) -> float:
        """Return what lies beside the projection, the mean over images."""
        return float(np.mean([e.parts[method].beads.beside for e in self.explanations]))


def rows_of(text: str | None, count: int) -> list[int]:
    """Return the rows, from 0, of images that are counted from 1: "3", "1-30", "1-5,9"; all without a text.

    >>> rows_of("1-3,6", 10)
    [0, 1, 2, 5]

    Raises
    ------
    UsageError
        The text is no such list, or names an image that there is not.
    """
    if text is None:
        return list(range(count))
    rows: dict[int, None] = {}
    for item in text.split(","):
        first, dash, last = item.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise UsageError(f"--images {text!r} is no list of images; give one like 3, 1-30 or 1-5,9")
        low, high = int(first), int(last) if dash else int(first)
        if not 1 <= low <= high <= count:
            raise UsageError(
                f"--images {item.strip()} is not within the {count} images of the input, counted from 1"
            )
        rows |= dict.fromkeys(range(low - 1, high))
    return list(rows)


def explain_images(
    index: SearchIndex,
    source: ParticleSource,
    rows: Sequence[int],
    methods: Sequence[Method],
    *,
    hit: str = "1",
    rather_than: str | None = None,
    pixel_size_angstrom: float | None = None,
    contrast: str = "auto",
    rerank: int = SHORTLIST,
    perturbing: Perturbing | None = None,
    progress: Progress = lambda what, done, of: None,
) -> ExplainedImages:
    """Explain why images of one molecule match a hit, rather than a rival where one is named.

    One image is explained in the structure of the group whose view is nearest, several in the group's representative, so
    that all speak of the same beads. Transfer functions that are known are undone by flipping phases.

    Parameters
    ----------
    hit, rather_than : str
        As `choose_groups` takes them.
    pixel_size_angstrom : float, optional
        Of all images; without it their own.
    contrast : {"auto", "bright", "dark"}
    progress : callable
        Told how many images are "answered" and "explained", and of how many.

    Raises
    ------
    ImageError
        None of the images can be used.
    UsageError
        A hit or rival that there is not.
    """
    if pixel_size_angstrom is not None:
        validate_pixel_size(pixel_size_angstrom)
    read = dict(zip(rows, source.read(rows), strict=True))
    unused = tuple(str(image) for image in read.values() if isinstance(image, ImageError))
    pictures = {
        row: picture_of(source, row, torch.from_numpy(image), pixel_size_angstrom)
        for row, image in read.items()
        if not isinstance(image, ImageError)
    }
    if not pictures:
        raise ImageError(unused[0])
    found = explain_pictures(
        index,
        pictures,
        methods,
        hit=hit,
        rather_than=rather_than,
        contrast=contrast,
        rerank=rerank,
        perturbing=perturbing,
        progress=progress,
    )
    return replace(found, unused=unused)


def explain_pictures(
    index: SearchIndex,
    pictures: Mapping[int, Picture],
    methods: Sequence[Method],
    *,
    hit: str = "1",
    rather_than: str | None = None,
    contrast: str = "auto",
    rerank: int = SHORTLIST,
    perturbing: Perturbing | None = None,
    progress: Progress = lambda what, done, of: None,
) -> ExplainedImages:
    """Explain pictures that were read, by their rows, as `explain_images` does; UsageError as there."""
    sign = _contrast(index, list(pictures.values()), contrast)
    if sign == "dark":
        pictures = {row: replace(p, image=-p.image) for row, p in pictures.items()}
    group, rival = choose_groups(
        index,
        list(pictures.values()),
        hit,
        rather_than,
        rerank=rerank,
        progress=partial(progress, "images answered"),
    )
    structure = index.groups[group].representative if len(pictures) > 1 else None
    explanations = []
    for done, picture in enumerate(pictures.values(), start=1):
        case = case_of(index, picture, group, rival, structure=structure)
        explanations.append(explain_case(index, case, methods, perturbing))
        progress("images explained", done, len(pictures))
    return ExplainedImages(
        rows=tuple(pictures),
        explanations=tuple(explanations),
        hit=index.groups[group],
        rival=None if rival is None else index.groups[rival],
        structure=explanations[0].case.hit.candidate.structure,
        contrast=sign,
        pixel_size_angstrom=next(iter(pictures.values())).pixel_size_angstrom,
        unused=(),
    )


def picture_of(source: ParticleSource, row: int, image: Tensor, told: float | None) -> Picture:
    """Return an image with its transfer function, if it is known, undone as far as its phases go."""
    own = float(source.pixel_size_angstrom[row])
    pixel = told if told is not None else None if np.isnan(own) else own
    optics = source.optics[np.array([row])]
    if pixel is None or not optics.known[0]:
        return Picture(image, pixel)
    return Picture(
        correct_ctf(image[None], pixel, optics, "phase-flip")[0],
        pixel,
        lambda box_px, angstrom: remaining_transfer(optics, "phase-flip", box_px, angstrom)[0],
    )


def _contrast(index: SearchIndex, pictures: Sequence[Picture], told: str) -> str:
    first = pictures[0]
    alike = torch.stack([p.image for p in pictures if p.image.shape == first.image.shape])
    return decide_contrast(index, alike, first.pixel_size_angstrom, told)
