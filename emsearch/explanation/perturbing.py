"""LIME and SHAP: what the network says when segments of the image are taken away.

LIME (Ribeiro et al., KDD 2016) fits a line to the log-odds of random choices of segments, those close to the whole image
weighing most; SHAP (Lundberg and Lee, NIPS 2017) shares the log-odds out by Shapley values, sampled over orders in which
the segments come in (Castro et al., Comput. Oper. Res. 36:1726, 2009), so that their sum is what the image has over the
empty one. Both as captum has them. Kikutsuji et al. (J. Chem. Phys. 156:154108, 2022) use the two on molecular simulations.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from emsearch.explanation.segments import segment

__all__ = ["Perturbing", "background_of", "lime_map", "shap_map"]

Floats = NDArray[np.float64]
Score = Callable[[Tensor], Tensor]

_TOGETHER = 32
_KERNEL_WIDTH = 0.5  # of all segments
_RIDGE = 1e-2
_RING = (0.75, 0.95)  # of the aperture


@dataclass(frozen=True, slots=True)
class Perturbing:
    """How many segments are looked at, in how many samples (LIME) or orders of all of them (SHAP)."""

    segments: int = 40
    lime_samples: int = 160
    shap_orders: int = 5
    seed: int = 0


def background_of(image: Tensor, aperture_px: float) -> Tensor:
    """Return the empty image (box, box): the mean of the ring around the particle, 0 beyond the aperture."""
    axis = torch.arange(image.shape[-1], dtype=torch.float32) - image.shape[-1] // 2
    distance = torch.hypot(axis[:, None], axis[None, :])
    ring = (distance >= _RING[0] * aperture_px) & (distance <= _RING[1] * aperture_px)
    level = image[ring].mean() if ring.any() else image.new_zeros(())
    return torch.where(distance <= aperture_px, level, 0.0)


class _Line:
    """A weighted ridge regression, as captum asks its models to be."""

    def __init__(self) -> None:
        self._slope = torch.zeros(0)

    def fit(self, train_data: Any, **_: Any) -> dict[str, Any]:
        """Fit choices (n, segments) of weights (n,) to the log-odds (n,)."""
        (chosen, found, weight) = next(iter(train_data))
        columns = torch.cat([chosen, torch.ones(len(chosen), 1)], dim=1).double()
        weighted = columns * weight[:, None].double()
        normal = weighted.T @ columns
        ridge = torch.full((len(normal),), _RIDGE, dtype=torch.float64)
        ridge[-1] = 0
        self._slope = torch.linalg.solve(normal + torch.diag(ridge), weighted.T @ found.flatten().double())[
            :-1
        ]
        return {}

    def representation(self) -> Tensor:
        """Return the slope (1, segments)."""
        return self._slope[None]


def _closeness(original: Tensor, perturbed: Tensor, chosen: Tensor, **_: Any) -> Tensor:
    away = 1 - chosen.float().mean()
    return torch.exp(-((away / _KERNEL_WIDTH) ** 2))


def lime_map(score: Score, image: Tensor, background: Tensor, settings: Perturbing) -> Floats:
    """Return the slopes of LIME, each spread over its segment, float64 (box, box)."""
    from captum.attr import Lime

    def explain(mask: Tensor) -> Tensor:
        lime = Lime(score, interpretable_model=_Line(), similarity_func=_closeness)
        slopes: Tensor = lime.attribute(
            image[None],
            baselines=background[None],
            feature_mask=mask[None],
            n_samples=settings.lime_samples,
            perturbations_per_eval=_TOGETHER,
            return_input_shape=False,
        )
        return slopes[0]

    return _spread(image, settings, explain)


def shap_map(score: Score, image: Tensor, background: Tensor, settings: Perturbing) -> Floats:
    """Return Shapley values, each spread over its segment, float64 (box, box).

    Their sum is the log-odds of the image over those of the empty one.
    """
    from captum.attr import ShapleyValueSampling

    def explain(mask: Tensor) -> Tensor:
        values: Tensor = ShapleyValueSampling(score).attribute(
            image[None],
            baselines=background[None],
            feature_mask=mask[None],
            n_samples=settings.shap_orders,
            perturbations_per_eval=_TOGETHER,
        )
        one_pixel_of_each = torch.from_numpy(np.unique(mask.numpy(), return_index=True)[1])
        return values.flatten()[one_pixel_of_each]

    return _spread(image, settings, explain)


def _spread(image: Tensor, settings: Perturbing, explain: Callable[[Tensor], Tensor]) -> Floats:
    """Explain by segments with the settings' seed, and share out what each has evenly among its pixels."""
    label = segment(image.numpy(), settings.segments, settings.seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        values = explain(torch.from_numpy(label)).double().numpy()
    return np.asarray((values / np.bincount(label.ravel()))[label])
