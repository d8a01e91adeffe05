"""A structure as an electron microscope would show it: a stack of images with their ground truth."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from emsearch.shapes.reading import read_alone
from emsearch.structures.beads import BeadArchive, BeadModel
from emsearch.structures.errors import StructureError
from emsearch_index.errors import InputError, UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from emsearch.imaging.parameters import ImageParameters

__all__ = ["simulate_file"]

_BATCH = 512
_LARGEST_BOX_PX = 2048
# One microscope a stack, as a stack has one optics group: voltage in kV, Cs in mm, amplitude contrast.
_OPTICS = {"stain": (120.0, 2.7, 0.15), "cryo": (300.0, 2.7, 0.1)}


@dataclass(frozen=True, slots=True)
class _Specimen:
    """A structure, and the pixel size and box of its size class."""

    structure: str
    beads: BeadModel
    pixel_size_angstrom: float
    box_px: int


def simulate_file(
    structure: str,
    out: Path,
    *,
    images: int,
    snr: float,
    modality: str,
    pixel_size_angstrom: float | None = None,
    box_px: int | None = None,
    seed: int = 0,
    index_dir: Path | None = None,
) -> Path:
    """Simulate images of a structure from random directions, and write them as an MRC stack.

    A STAR file of the same name goes beside it, with orientation, shift, defocus, fill and SNR of each image.

    Parameters
    ----------
    structure : str
        A structure or map file, or the id of a structure of the index.
    out : Path
        The stack, ``.mrcs`` or ``.mrc``.
    images : int
    snr : float
        Variance of the signal over that of the noise inside the particle's disc; infinite for none.
    modality : str
        "stain" or "cryo".
    pixel_size_angstrom, box_px
        Those of the structure's size class where neither is given; where one is, the other keeps the field of view.
    seed : int
        The same seed gives the same images.
    index_dir : Path, optional
        Where an id is looked up; by default in the index that ships.

    Returns
    -------
    Path
        The stack.

    Raises
    ------
    UsageError
        An id that the index lacks, or options out of their range.
    InputError
        A file that cannot be used.
    IndexMissingError, IndexCorruptError
        No index, or a damaged one.
    """
    _check(out, images, snr, modality, seed)
    specimen = _find(structure, index_dir)
    pixel, box = _sampling(specimen, pixel_size_angstrom, box_px)
    _simulate(specimen, out, images=images, snr=snr, modality=modality, pixel=pixel, box=box, seed=seed)
    return out


def _check(out: Path, images: int, snr: float, modality: str, seed: int) -> None:
    if out.suffix not in (".mrcs", ".mrc") or not out.parent.is_dir():
        raise UsageError(f"{out} cannot be the stack; give a .mrcs or .mrc file in a folder that is there")
    if images < 1 or not snr > 0.0 or modality not in _OPTICS or seed < 0:
        raise UsageError(
            f"found {images} images, SNR {snr:g}, the modality {modality!r} and the seed {seed}; give at least one "
            f"image, an SNR above 0, one of {', '.join(_OPTICS)}, and a seed of 0 or more"
        )


def _find(structure: str, index_dir: Path | None) -> _Specimen:
    from emsearch.structures.read import is_structure_file

    path = Path(structure)
    if path.is_file():
        return _from_file(path)
    if is_structure_file(path):
        raise InputError(
            f"{path} is not there; give a structure or map file, or the id of an indexed structure"
        )
    return _from_index(structure, index_dir)


def _from_file(path: Path) -> _Specimen:
    from emsearch.shapes.size_classes import assign_size_classes

    answer = read_alone(path, map_level=None)
    if isinstance(answer, str):
        raise StructureError(answer)
    _, (size_class,) = assign_size_classes([[answer.features.dmax_angstrom]])
    return _Specimen(answer.id, answer.beads, size_class.pixel_size_angstrom, size_class.box_px)


def _from_index(structure: str, index_dir: Path | None) -> _Specimen:
    from emsearch_index.catalogue import Catalogue
    from emsearch_index.generation import default_index_dir, open_generation

    generation = open_generation(index_dir or default_index_dir())
    with Catalogue(generation.file("catalogue.duckdb")) as catalogue:
        rows = catalogue.rows(
            "SELECT s.id, c.pixel_size_angstrom, c.box_px FROM structures s "
            "JOIN size_classes c ON c.name = s.size_class WHERE lower(s.id) = lower(?)",
            [structure],
        )
    if not rows:
        raise UsageError(
            f"{structure!r} is neither a file nor a structure of the index; "
            "`emsearch sql 'SELECT id, title FROM structures'` lists those"
        )
    beads = BeadArchive(generation.file("beads.npz"))[rows[0]["id"]]
    return _Specimen(rows[0]["id"], beads, rows[0]["pixel_size_angstrom"], rows[0]["box_px"])


def _sampling(specimen: _Specimen, pixel: float | None, box: int | None) -> tuple[float, int]:
    """Return pixel size and box: as given, or such that the field of view is that of the size class."""
    field = specimen.pixel_size_angstrom * specimen.box_px
    if pixel is not None and not 0.0 < pixel <= 100.0:
        raise UsageError(f"the pixel size is {pixel:g} A; give one above 0 and up to 100 A")
    if box is None:
        box = specimen.box_px if pixel is None else 2 * max(4, math.ceil(field / pixel / 2))
    if not 8 <= box <= _LARGEST_BOX_PX:
        raise UsageError(
            f"the images would measure {box} px; give a box of 8 to {_LARGEST_BOX_PX} px, or a larger pixel size"
        )
    return (field / box if pixel is None else pixel), box


def _simulate(
    specimen: _Specimen,
    out: Path,
    *,
    images: int,
    snr: float,
    modality: str,
    pixel: float,
    box: int,
    seed: int,
) -> None:
    import numpy as np

    from emsearch.imaging.stack_files import truth_columns, write_stack

    rng = np.random.default_rng(seed)
    parameters = _parameters(rng, images, snr, modality, pixel * box)
    columns = truth_columns(
        [specimen.structure] * images,
        parameters.quaternion,
        parameters.shift_angstrom,
        defocus_um=parameters.defocus_um,
        fill=parameters.fill,
        snr=parameters.snr,
        mirror=np.zeros(images, np.bool_),
    )
    voltage, cs, amplitude_contrast = _OPTICS[modality]
    write_stack(
        out,
        _micrographs(specimen, parameters, pixel, box, seed),
        pixel,
        star=out.with_suffix(".star"),
        metadata={**columns, "rlnCtfBfactor": parameters.b_factor_angstrom2},
        optics={
            "rlnVoltage": voltage,
            "rlnSphericalAberration": cs,
            "rlnAmplitudeContrast": amplitude_contrast,
        },
    )


def _parameters(
    rng: "np.random.Generator", images: int, snr: float, modality: str, box_angstrom: float
) -> "ImageParameters":
    """Draw everything but the noise level and the microscope, and apply the CTF in full to every image."""
    import numpy as np

    from emsearch.imaging.parameters import ParameterRanges

    ranges = ParameterRanges(stained_share=1.0 if modality == "stain" else 0.0, neighbour_share=0.0)
    voltage, cs, amplitude_contrast = _OPTICS[modality]
    return ranges.sample(rng, images, np.full(images, box_angstrom)).with_values(
        snr=snr,
        voltage_kv=voltage,
        cs_mm=cs,
        amplitude_contrast=amplitude_contrast,
        phase_flipped=False,
    )


def _micrographs(
    specimen: _Specimen, parameters: "ImageParameters", pixel: float, box: int, seed: int
) -> "NDArray[np.float32]":
    import numpy as np

    from emsearch.imaging.cloud import BeadCloud
    from emsearch.imaging.simulate import Simulator

    simulator = Simulator(BeadCloud.from_models([specimen.beads]))
    found = np.empty((len(parameters), box, box), np.float32)
    batch = max(1, min(_BATCH, _BATCH * 64**2 // box**2))
    for first in range(0, len(parameters), batch):
        some = parameters[first : first + batch]
        which, pixels = np.zeros(len(some), np.int64), np.full(len(some), pixel)
        noise = int(np.random.SeedSequence([seed, first]).generate_state(1)[0])
        found[first : first + batch] = simulator.micrographs(
            which, some, pixels, box, noise
        ).micrographs.numpy()
    return found
