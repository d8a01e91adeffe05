"""A head that reads physical quantities off the network's features: how large, how long, how deep in stain.

It sees the pooled features of one image and predicts, for each quantity, a mean and a standard deviation (Nix and Weigend,
Proc. IEEE ICNN 1994). The network does not know the pixel size, so lengths are predicted in pixels and masses in kDa over
cubic pixels, all as logarithms but the fill.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from emsearch.network.resnet import FEATURES

__all__ = [
    "HEAD_NAME",
    "INTERVAL",
    "QUANTITIES",
    "QuantityHead",
    "fit_head",
    "from_pixels",
    "load_head",
    "save_head",
    "to_pixels",
]

QUANTITIES = ("mass_kda", "dmax_angstrom", "long_angstrom", "short_angstrom", "fill")
"""Mass; greatest extent; root mean square extents of the mass along principal axes of the view; stain over height."""

HEAD_NAME = "quantities.safetensors"
"""Of the file of a generation that holds the head."""

INTERVAL = 0.9
"""How much of the truth an interval holds."""

_POWERS = np.array([3, 1, 1, 1, 0])  # of the pixel size in each quantity
_HIDDEN = 256
_EPOCHS, _BATCH, _RATE, _DECAY = 40, 256, 1e-3, 1e-2
_LEAST_SD = 1e-3

Floats = NDArray[np.float64]


def to_pixels(quantities: Floats, pixel_size_angstrom: Floats) -> Floats:
    """Return quantities (n, 5) in the form that the head predicts, of images of pixel sizes (n,)."""
    scaled = np.log(quantities[:, :4]) - _POWERS[:4] * np.log(pixel_size_angstrom)[:, None]
    return np.column_stack([scaled, quantities[:, 4]])


def from_pixels(predicted: Floats, pixel_size_angstrom: Floats) -> Floats:
    """Undo `to_pixels`; a fill below 0 becomes 0.

    >>> quantities, pixel = np.array([[465.0, 180.0, 50.0, 40.0, 0.8]]), np.array([4.5])
    >>> from_pixels(to_pixels(quantities, pixel), pixel).round(6).tolist()
    [[465.0, 180.0, 50.0, 40.0, 0.8]]
    """
    scaled = predicted[:, :4] + _POWERS[:4] * np.log(pixel_size_angstrom)[:, None]
    return np.column_stack([np.exp(scaled), np.maximum(predicted[:, 4], 0)])


class QuantityHead(nn.Module):
    """Pooled features (n, 2048) to means and half widths of intervals, each (n, 5), in the form of `to_pixels`."""

    mean: Tensor
    sd: Tensor
    spread: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.LayerNorm(FEATURES),
            nn.Linear(FEATURES, _HIDDEN),
            nn.GELU(),
            nn.Dropout(0.2),
            nn.Linear(_HIDDEN, 2 * len(QUANTITIES)),
        )
        self.register_buffer("mean", torch.zeros(len(QUANTITIES)))
        self.register_buffer("sd", torch.ones(len(QUANTITIES)))
        self.register_buffer("spread", torch.ones(len(QUANTITIES)))

    def normal(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return means and standard deviations (n, 5) as they are trained, in units of the training set's."""
        mean, wide = self.layers(features.float()).chunk(2, dim=1)
        return mean, functional.softplus(wide) + _LEAST_SD

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return means and half widths."""
        mean, sd = self.normal(features)
        return self.mean + self.sd * mean, self.sd * self.spread * sd


@dataclass(frozen=True, slots=True)
class _Examples:
    features: Tensor
    target: Tensor


def fit_head(
    features: Tensor,
    target: Floats,
    held_out: NDArray[np.bool_],
    seed: int = 0,
    report: Callable[[str], None] = lambda line: None,
) -> QuantityHead:
    """Fit a head on features (n, 2048) and what they should say (n, 5), in the form of `to_pixels`.

    ``held_out`` (n,) are images of molecules that are not fitted: the width of the intervals is set on them, so that they
    hold `INTERVAL` of molecules that the head has not seen.
    """
    torch.manual_seed(seed)
    head = QuantityHead()
    fitted = torch.from_numpy(~held_out)
    wanted = torch.from_numpy(target).float()
    head.mean, head.sd = wanted[fitted].mean(0), wanted[fitted].std(0)
    wanted = (wanted - head.mean) / head.sd
    _descend(head, _Examples(features[fitted], wanted[fitted]), seed, report)
    head.eval()
    with torch.inference_mode():
        mean, sd = head.normal(features[~fitted])
    off = (wanted[~fitted] - mean).abs() / sd
    head.spread = torch.quantile(off, INTERVAL, dim=0)
    return head


def _descend(head: QuantityHead, examples: _Examples, seed: int, report: Callable[[str], None]) -> None:
    generator = torch.Generator().manual_seed(seed)
    batches = max(1, len(examples.target) // _BATCH)
    optimizer = torch.optim.AdamW(head.parameters(), _RATE, weight_decay=_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _RATE, total_steps=_EPOCHS * batches)
    for epoch in range(_EPOCHS):
        total = 0.0
        for some in torch.randperm(len(examples.target), generator=generator).chunk(batches):
            mean, sd = head.normal(examples.features[some])
            loss = functional.gaussian_nll_loss(mean, examples.target[some], sd**2)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += float(loss.detach())
        report(f"quantities: epoch {epoch + 1} of {_EPOCHS}, loss {total / batches:.3f}")


def save_head(path: Path, head: QuantityHead) -> None:
    """Write a head as float16 safetensors."""
    from safetensors.torch import save_file

    save_file({name: value.half().contiguous() for name, value in head.state_dict().items()}, path)


def load_head(path: Path) -> QuantityHead:
    """Read a head that `save_head` wrote."""
    from safetensors.torch import load_file

    head = QuantityHead()
    head.load_state_dict({name: value.float() for name, value in load_file(path).items()})
    return head.eval()
