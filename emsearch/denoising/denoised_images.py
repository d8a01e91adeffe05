"""The images of a file, a stack or a table denoised, and how the guesses are written."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from emsearch.denoising.denoise import denoise
from emsearch.denoising.weights import Denoiser
from emsearch.imaging.stack_files import write_stack
from emsearch.particles.ctf_correction import correct_ctf
from emsearch.particles.errors import ImageError
from emsearch.particles.reading import validate_pixel_size
from emsearch.particles.source import ParticleSource
from emsearch.search.contrast import CONTRASTS, middle_over_rim
from emsearch_index.errors import UsageError

__all__ = ["GUESS_LABEL", "DenoisedImages", "denoise_source", "write_guesses"]

GUESS_LABEL = "A model's guess (emsearch denoise), not data"

_READ_AT_ONCE = 512
_LOOKED_AT = 256
_GREY_SPREAD = 4.0  # standard deviations of a truth from black to white in a PNG


@dataclass(frozen=True, slots=True)
class DenoisedImages:
    """Guesses, float32 (n, h, w), particle bright, of the rows of a source that could be read, with names and strengths.

    ``contrast`` is what the images were taken for; ``unused`` says of the others why.
    """

    names: tuple[str, ...]
    pictures: NDArray[np.float32]
    strength: NDArray[np.float32]
    pixel_size_angstrom: float | None
    contrast: str
    unused: tuple[str, ...]


def denoise_source(
    denoiser: Denoiser,
    source: ParticleSource,
    *,
    pixel_size_angstrom: float | None = None,
    contrast: str = "auto",
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> DenoisedImages:
    """Denoise all images of a source, which are alike in size and sampling.

    Transfer functions that are known are undone by flipping phases. "auto" takes the sign that the middle of the images has
    against their rim.

    Raises
    ------
    ImageError
        None of the images can be used, or they differ in size or sampling.
    UsageError
        A contrast that there is not.
    """
    if contrast not in CONTRASTS:
        raise UsageError(f"found contrast {contrast!r}, expected one of {', '.join(CONTRASTS)}; choose one")
    if pixel_size_angstrom is not None:
        validate_pixel_size(pixel_size_angstrom)
    pixel = pixel_size_angstrom if pixel_size_angstrom is not None else _own_pixel_size(source)
    names: list[str] = []
    unused: list[str] = []
    pictures: list[Tensor] = []
    strength: list[Tensor] = []
    sign = contrast
    for first in range(0, source.count, _READ_AT_ONCE):
        rows = list(range(first, min(first + _READ_AT_ONCE, source.count)))
        read = dict(zip(rows, source.read(rows), strict=True))
        unused += [str(image) for image in read.values() if isinstance(image, ImageError)]
        usable = {row: image for row, image in read.items() if not isinstance(image, ImageError)}
        if usable:
            images = _together(usable, pictures[0].shape[1:] if pictures else None, source)
            images = _phases_flipped(source, list(usable), images, pixel)
            if sign == "auto":
                sign = "bright" if middle_over_rim(images[:_LOOKED_AT]) >= 0 else "dark"
            guess = denoise(denoiser, images if sign == "bright" else -images, pixel)
            names += [source.name(row) for row in usable]
            pictures.append(guess.pictures)
            strength.append(guess.strength)
        progress(rows[-1] + 1, source.count)
    if not pictures:
        raise ImageError(unused[0])
    return DenoisedImages(
        names=tuple(names),
        pictures=torch.cat(pictures).numpy(),
        strength=torch.cat(strength).numpy(),
        pixel_size_angstrom=pixel,
        contrast=sign,
        unused=tuple(unused),
    )


def _own_pixel_size(source: ParticleSource) -> float | None:
    sizes = np.unique(source.pixel_size_angstrom)  # NaN counts once
    if len(sizes) > 1:
        raise ImageError(
            f"the images of {source.path} have pixel sizes from {np.nanmin(sizes):.4g} to {np.nanmax(sizes):.4g} A, and one "
            "stack has one; denoise them apart, or give --pixel-size"
        )
    return None if np.isnan(sizes[0]) else float(sizes[0])


def _together(
    images: dict[int, NDArray[np.float32]], shape: tuple[int, ...] | None, source: ParticleSource
) -> Tensor:
    expected = shape or next(iter(images.values())).shape
    for row, image in images.items():
        if image.shape != tuple(expected):
            raise ImageError(
                f"{source.name(row)} is {image.shape[1]} x {image.shape[0]} px, the images before it {expected[1]} x "
                f"{expected[0]}, and one stack has one size; denoise them apart"
            )
    return torch.from_numpy(np.stack(list(images.values())))


def _phases_flipped(source: ParticleSource, rows: list[int], images: Tensor, pixel: float | None) -> Tensor:
    return (
        images if pixel is None else correct_ctf(images, pixel, source.optics[np.array(rows)], "phase-flip")
    )


def write_guesses(denoised: DenoisedImages, path: Path) -> None:
    """Write guesses as an MRC stack (.mrcs, .mrc), or one as a grey PNG; the label goes into the file either way.

    Raises
    ------
    UsageError
        Another suffix, or several images for one PNG.
    """
    suffix = path.suffix.lower()
    if suffix in (".mrcs", ".mrc"):
        # 1 A where the pixel size is unknown: a header without one is refused by other programs.
        pixel = denoised.pixel_size_angstrom or 1.0
        write_stack(path, denoised.pictures, pixel, star=None, metadata={}, label=GUESS_LABEL)
    elif suffix == ".png" and len(denoised.pictures) == 1:
        _write_png(denoised.pictures[0], path)
    elif suffix == ".png":
        raise UsageError(
            f"{len(denoised.pictures)} images do not go into one PNG; give a file .mrcs to --out"
        )
    else:
        raise UsageError(f"{path} is neither .mrcs, .mrc nor .png; give one of these to --out")


def _write_png(picture: NDArray[np.float32], path: Path) -> None:
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    grey = np.clip(64 + 255 * picture / _GREY_SPREAD, 0, 255).astype(np.uint8)
    said = PngInfo()
    said.add_text("Description", GUESS_LABEL)
    part = path.with_name(f".{path.name}.part")
    Image.fromarray(grey).save(part, format="PNG", pnginfo=said)
    part.replace(path)
