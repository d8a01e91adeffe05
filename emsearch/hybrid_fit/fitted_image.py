"""An image and a structure by name or file, fitted."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from emsearch.explanation.explained_images import picture_of
from emsearch.hybrid_fit.bending_to_fit import FitSettings, HybridFit, bend_to_fit
from emsearch.hybrid_fit.optics import defocus_change
from emsearch.particles.errors import ImageError
from emsearch.particles.reading import validate_pixel_size
from emsearch.particles.source import ParticleSource
from emsearch.search.contrast import decide_contrast
from emsearch.search.engine import SearchIndex
from emsearch.search.framed_target import framed_targets
from emsearch.search.hits import View
from emsearch.search.matching import Pose
from emsearch.shapes.reading import read_alone, read_atoms_alone
from emsearch.structures.atoms import Atoms
from emsearch.structures.beads import BeadModel
from emsearch.structures.errors import StructureError
from emsearch.structures.read import has_atoms, is_structure_file
from emsearch_index.errors import InputError, UsageError

__all__ = ["FittedImage", "Subject", "find_subject", "fit_image"]


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """A structure to be fitted: what it is called, its beads, and its atoms or the sentence that says why there are none."""

    name: str
    model: BeadModel
    atoms: Atoms | str


@dataclass(frozen=True, slots=True, eq=False)
class FittedImage:
    """One image, counted from 1, and what a fit to it came to; ``scale`` px of the fit make one of the image."""

    image: int
    subject: Subject
    fit: HybridFit
    scale: float
    contrast: str
    pixel_size_angstrom: float

    def view(self, bent: bool) -> View:
        """Return the pose of the structure bent, or as it is, in pixels of the image as given."""
        fitted = self.fit.bent if bent else self.fit.rigid
        pose = fitted.state.pose
        w, x, y, z = pose.quaternion[0].tolist()
        shift = pose.shift_px[0] / self.scale
        turned = Pose(pose.quaternion[0], (0.0, 0.0), 1.0, 1.0, 1.0, 0.0, 0.0)
        return View(
            structure=self.subject.name,
            quaternion=(w, x, y, z),
            in_plane_degrees=turned.in_plane_degrees,
            shift_px=(float(shift[0]), float(shift[1])),
            mirror=False,
            fill=float(pose.fill[0]),
            correlation=fitted.correlation,
        )


def find_subject(index: SearchIndex, structure: str) -> Subject:
    """Return a structure of the index, or that of a structure or map file, which is read in a process of its own.

    Raises
    ------
    InputError, StructureError
        A file that is not there, or that cannot be used.
    UsageError
        Neither a file nor a structure of the index.
    """
    path = Path(structure)
    if path.is_file():
        answer = read_alone(path, map_level=None)
        if isinstance(answer, str):
            raise StructureError(answer)
        atoms = (
            read_atoms_alone(path) if has_atoms(path) else f"{path.name} is a density map, which has no atoms"
        )
        return Subject(answer.id, answer.beads, atoms)
    if is_structure_file(path):
        raise InputError(
            f"{path} is not there; give a structure or map file, or the id of an indexed structure"
        )
    name = next((s for s in index.structures if s.lower() == structure.lower()), None)
    if name is None:
        raise UsageError(
            f"{structure!r} is neither a file nor a structure of the index; "
            "`emsearch sql 'SELECT id, title FROM structures'` lists those"
        )
    return Subject(
        name, index.library.model(name), "the index keeps beads, no atoms; give the structure's file for them"
    )


def fit_image(
    index: SearchIndex,
    source: ParticleSource,
    row: int,
    structure: str,
    *,
    pixel_size_angstrom: float | None = None,
    contrast: str = "auto",
    settings: FitSettings | None = None,
    progress: Callable[[str, int, int], None] = lambda what, done, of: None,
) -> FittedImage:
    """Fit a structure, bent along its normal modes, to one row, from 0, of a source.

    Parameters
    ----------
    structure : str
        As `find_subject` takes it.
    pixel_size_angstrom : float, optional
        Without it that of the source.
    contrast : {"auto", "bright", "dark"}

    Raises
    ------
    ImageError
        The image cannot be used.
    UsageError
        No pixel size is known, or no such structure.
    """
    if pixel_size_angstrom is not None:
        validate_pixel_size(pixel_size_angstrom)
    subject = find_subject(index, structure)
    (image,) = source.read([row])
    if isinstance(image, ImageError):
        raise image
    picture = picture_of(source, row, torch.from_numpy(image), pixel_size_angstrom)
    pixel = picture.pixel_size_angstrom
    if pixel is None:
        raise UsageError(f"{source.path} does not say its pixel size, which a fit needs; give --pixel-size")
    sign = decide_contrast(index, picture.image[None], pixel, contrast)
    bright = picture if sign == "bright" else replace(picture, image=-picture.image)
    (target,), scale = framed_targets(bright.image, [pixel], index.classes[0].box_px, picture.transfer)
    optics = source.optics[[row]]
    defocus = None if picture.transfer is None else defocus_change(optics)
    found = bend_to_fit(target, subject.model, defocus=defocus, settings=settings, progress=progress)
    return FittedImage(row + 1, subject, found, scale, sign, pixel)
