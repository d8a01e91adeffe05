"""What can be said of a particle without naming it: its mass, size and stain, read off the image."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from emsearch.network.quantities import QUANTITIES, QuantityHead, from_pixels
from emsearch.search.engine import IndexedClass, SearchIndex
from emsearch.search.hits import Quantities, Quantity
from emsearch.search.prepare import centre_of_particle_px, frame

__all__ = ["estimate_quantities", "read_features"]


@torch.inference_mode()
def read_features(index: SearchIndex, images: Tensor) -> Tensor:
    """Return the network's pooled features, float32 (n, 2048), of normalised images (n, box, box)."""
    batch = images[:, None].to(device=index.device).contiguous(memory_format=torch.channels_last)
    found: Tensor = index.network.trunk(batch).float().cpu()
    return found


@torch.inference_mode()
def estimate_quantities(
    index: SearchIndex, image: Tensor, pixel_size_angstrom: float | None, size_class: str
) -> Quantities | None:
    """Read the quantities of a bright-particle image (h, w) as of a size class.

    None where the pixel size is unknown, for then nothing has a size, or where the index has no head for it.
    """
    head = index.quantity_head
    if head is None or pixel_size_angstrom is None:
        return None
    found = next(c for c in index.classes if c.name == size_class)
    features = _features(index, image, pixel_size_angstrom / found.pixel_size_angstrom, found)
    return _in_units(head, features, found.pixel_size_angstrom)


def _features(index: SearchIndex, image: Tensor, scale: float, size_class: IndexedClass) -> Tensor:
    """Return the features (2, 2048) of the image as it stands and about the estimated centre of its particle."""
    estimated = centre_of_particle_px(image[None])
    centre = torch.cat([torch.zeros_like(estimated), estimated])
    return read_features(index, frame(image[None], scale, size_class.box_px, centre).images)


def _in_units(head: QuantityHead, features: Tensor, pixel_size_angstrom: float) -> Quantities:
    """Return the mean of what the copies of an image say, with the width of one: they share their noise."""
    mean, half = (of_copies.double().mean(0, keepdim=True).numpy() for of_copies in head(features))
    value, low, high = (_converted(v, pixel_size_angstrom) for v in (mean, mean - half, mean + half))
    return Quantities(**{name: Quantity(value[k], low[k], high[k]) for k, name in enumerate(QUANTITIES)})


def _converted(predicted: NDArray[np.float64], pixel_size_angstrom: float) -> list[float]:
    return list(from_pixels(predicted, np.array([pixel_size_angstrom]))[0].tolist())
