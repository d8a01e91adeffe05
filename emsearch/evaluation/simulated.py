"""Simulated test images of an index's structures, from directions that neither training nor the index has seen."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from emsearch.evaluation.subjects import STREAM, Subject, SubjectModels, choose_subjects
from emsearch.imaging.cloud import BeadCloud
from emsearch.imaging.parameters import ImageParameters, ParameterRanges
from emsearch.imaging.simulate import Simulator
from emsearch.search.engine import SearchIndex
from emsearch_index.errors import UsageError

__all__ = [
    "BOXES",
    "CRYO",
    "STAIN",
    "SimulatedImages",
    "draw_images",
    "draw_subjects",
    "in_order_of_pixel_size",
]

BOXES = (1.3, 2.5)
"""Sides of pictures over Dmax as people cut them."""

_BOX_STEP = 1.25  # sides are rounded to powers of it, so that views drawn for one image serve others

STAIN = ParameterRanges(stained_share=1.0, stain_defocus_share=0.0, open_share=1.0, neighbour_share=0.0)
"""Negative stain as the networks of the field are tested: direction, fill, scale, shift, rim, grain and noise vary."""

CRYO = ParameterRanges(stained_share=0.0, open_share=1.0, neighbour_share=0.0)
"""Ice: direction, scale, shift, defocus and noise vary; a third of the images fully CTF-corrected."""


@dataclass(frozen=True, slots=True)
class SimulatedImages:
    """Images (n, box, box) of pixel sizes (n,), particle bright, with the truth about each.

    ``group`` (n,) numbers the group in the index, ``subject`` says which structure is shown, and whether it was bent;
    ``number`` (n,) counts the images as they were asked for, those left out included.
    """

    images: Tensor
    pixel_size_angstrom: NDArray[np.float64]
    group: NDArray[np.int64]
    parameters: ImageParameters
    subject: tuple[Subject, ...]
    number: NDArray[np.int64]

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.group)


def draw_images(
    index: SearchIndex,
    groups: Sequence[int],
    ranges: ParameterRanges,
    n: int,
    seed: int,
    snr: float | None = None,
    box_over_dmax: tuple[float, float] | None = None,
) -> SimulatedImages:
    """Draw n images of representatives of ``groups``; the rest as `draw_subjects`."""
    subjects = [Subject(g, index.groups[g].representative) for g in groups]
    return draw_subjects(index, subjects, ranges, n, seed, snr, box_over_dmax=box_over_dmax)


def draw_subjects(
    index: SearchIndex,
    subjects: Sequence[Subject],
    ranges: ParameterRanges,
    n: int,
    seed: int,
    snr: float | None = None,
    models: SubjectModels | None = None,
    box_over_dmax: tuple[float, float] | None = None,
) -> SimulatedImages:
    """Draw n images of subjects; ``snr`` replaces the noise level of the ranges, and inf is clean.

    They stand in the box of their size class, which tells the class, or in one of ``box_over_dmax`` times their Dmax.

    The same seed gives the same directions and nuisances at every noise level, so that levels compare. Images of a
    subject that cannot be bent are left out.

    Raises
    ------
    UsageError
        No subject can be bent.
    """
    rng = np.random.default_rng((seed, STREAM))
    chosen = choose_subjects(subjects, n, rng)
    box = index.classes[0].box_px
    pixel = _sides(index, chosen, box_over_dmax, seed) / box
    parameters = ranges.sample(rng, n, pixel * box)
    if snr is not None:
        parameters = parameters.with_values(snr=snr)
    known = models or SubjectModels(index.library)
    found = {s: model for s in dict.fromkeys(chosen) if (model := known.model(s)) is not None}
    if not found:
        raise UsageError(f"none of these {n} images can be drawn: {next(iter(known.unbendable.values()))}")
    drawn = np.flatnonzero([s in found for s in chosen])
    subject = tuple(chosen[k] for k in drawn.tolist())
    pixel, parameters = pixel[drawn], parameters[drawn]
    place = {s: k for k, s in enumerate(found)}
    simulator = Simulator(BeadCloud.from_models(list(found.values())))
    shot = simulator.micrographs(np.array([place[s] for s in subject]), parameters, pixel, box, seed)
    group = np.array([s.group for s in subject], np.int64)
    return SimulatedImages(shot.micrographs.cpu(), pixel, group, parameters, subject, drawn)


def _sides(
    index: SearchIndex, chosen: Sequence[Subject], box_over_dmax: tuple[float, float] | None, seed: int
) -> NDArray[np.float64]:
    """Return the sides in A of the pictures of subjects (n,)."""
    groups = [index.groups[s.group] for s in chosen]
    if box_over_dmax is None:
        by_class = {c.name: c.pixel_size_angstrom * c.box_px for c in index.classes}
        return np.array([by_class[group.size_class] for group in groups])
    low, high = np.log(box_over_dmax)
    rng = np.random.default_rng((seed, STREAM, 1))
    log_side = np.log([group.dmax_angstrom for group in groups]) + rng.uniform(low, high, len(groups))
    return np.asarray(_BOX_STEP ** np.rint(log_side / np.log(_BOX_STEP)))


def in_order_of_pixel_size(test: SimulatedImages) -> list[int]:
    """Return the numbers of all images, those of one pixel size together: they share the views that are drawn for them."""
    order = np.argsort(test.pixel_size_angstrom, kind="stable")
    return [int(k) for k in order]
