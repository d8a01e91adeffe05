"""What a fit leaves unexplained, where the particle stands and at the frequencies that show its shape.

A likelihood says which of several structures explains an image better, not whether any of them does. The residual does:
under the right structure it is noise, as strong inside the particle as in the ring around it. Only low frequencies and
the particle's own pixels are looked at, for the fewer the independent numbers are, the smaller a misfit is seen.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from emsearch.imaging.blur import SIGMA_OVER_RESOLUTION
from emsearch.search.fitting import Fit
from emsearch.search.image_model import LINEAR, PROJECTION, ImageModel

__all__ = ["Residual", "residual"]

Floats = NDArray[np.float64]

_RESOLUTION_ANGSTROM = 20.0
_SUPPORT = 0.15  # of the projection's peak: what is above is the particle


@dataclass(frozen=True, slots=True)
class Residual:
    """Of n fits, each array (n,).

    ``misfit`` is the logarithm of the residual's mean square within the particle over that in the ring, ``explained``
    the share of the particle's own mean square, noise taken away, that the fit explains.
    """

    misfit: Floats
    explained: Floats


def residual(model: ImageModel, found: Fit) -> Residual:
    """Compare what fits leave inside the particle with what there is around it."""
    columns = model.columns(found.poses)[:, LINEAR]
    amplitudes = torch.from_numpy(found.amplitudes).to(columns.dtype)
    particle = columns[:, PROJECTION] * amplitudes[:, PROJECTION, None]
    left = model.given_image - torch.einsum("nj,njf->nf", amplitudes, columns)
    smooth = _low_pass(model)
    shown, unexplained = (model.images(spectra * smooth) for spectra in (particle, left))
    support = (shown > _SUPPORT * shown.amax((1, 2), keepdim=True)).float()
    inside, around = _mean_square(unexplained, support), _mean_square(unexplained, model.ring)
    signal = _mean_square(shown, support)
    noise = around.clamp_min(1e-12 * signal.clamp_min(1e-20))
    return Residual(
        misfit=torch.log((inside / noise).clamp_min(1e-6)).double().numpy(),
        explained=(1 - (inside - noise) / signal.clamp_min(1e-20)).double().numpy(),
    )


def _low_pass(model: ImageModel) -> Tensor:
    sigma_px = SIGMA_OVER_RESOLUTION * _RESOLUTION_ANGSTROM / model.pixel_size_angstrom
    return torch.exp(-2 * torch.pi**2 * sigma_px**2 * model.frequency_squared)


def _mean_square(images: Tensor, mask: Tensor) -> Tensor:
    mask = mask.expand_as(images)
    count = mask.sum((1, 2)).clamp_min(1)
    level = (images * mask).sum((1, 2)) / count
    return ((images - level[:, None, None]).square() * mask).sum((1, 2)) / count
