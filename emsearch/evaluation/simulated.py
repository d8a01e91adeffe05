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

__all__ = ["CRYO", "STAIN", "SimulatedImages", "draw_images", "draw_subjects"]

STAIN = ParameterRanges(stained_share=1.0, stain_defocus_share=0.0, open_share=1.0, neighbour_share=0.0)
"""Negative stain as the networks of the field are tested: direction, fill, scale, shift, rim, grain and noise vary."""

CRYO = ParameterRanges(stained_share=0.0, open_share=1.0, neighbour_share=0.0)
"""Ice: direction, scale, shift, defocus and noise vary; a third of the images fully CTF-corrected."""


@dataclass(frozen=True, slots=True)
class SimulatedImages:
    """Images (n, box, box) at their class's pixel size (n,), particle bright, with the truth about each.

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
) -> SimulatedImages:
    """Draw n images of representatives of ``groups``; the rest as `draw_subjects`."""
    subjects = [Subject(g, index.groups[g].representative) for g in groups]
    return draw_subjects(index, subjects, ranges, n, seed, snr)


def draw_subjects(
    index: SearchIndex,
    subjects: Sequence[Subject],
    ranges: ParameterRanges,
    n: int,
    seed: int,
    snr: float | None = None,
    models: SubjectModels | None = None,
) -> SimulatedImages:
    """Draw n images of subjects; ``snr`` replaces the noise level of the ranges, and inf is clean.

    The same seed gives the same directions and nuisances at every noise level, so that levels compare. Images of a
    subject that cannot be bent are left out.

    Raises
    ------
    UsageError
        No subject can be bent.
    """
    rng = np.random.default_rng((seed, STREAM))
    chosen = choose_subjects(subjects, n, rng)
    by_class = {c.name: c for c in index.classes}
    pixel = np.array([by_class[index.groups[s.group].size_class].pixel_size_angstrom for s in chosen])
    box = index.classes[0].box_px
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
