"""A head that reads physical quantities off the network's features: how large, how long, how deep in stain.

It sees the pooled features of one image and predicts, for each quantity, a mean and a standard deviation (Nix and Weigend,
Proc. IEEE ICNN 1994). The network does not know the pixel size, so lengths are predicted in pixels and masses in kDa over
cubic pixels, all as logarithms; the fill and the hollow have no size and stand as they are.
"""

from collections.abc import Callable, Sequence
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
    "Readings",
    "fit_head",
    "from_pixels",
    "load_head",
    "read",
    "save_head",
    "to_pixels",
]

QUANTITIES = ("mass_kda", "dmax_angstrom", "long_angstrom", "short_angstrom", "fill", "hollow")
"""Mass; greatest extent; root mean square extents of the mass along principal axes of the view; stain over height; how much
less mass the middle of the view has than its rim."""

HEAD_NAME = "quantities.safetensors"
"""Of the file of a generation that holds the head."""

INTERVAL = 0.9
"""How much of the truth an interval holds."""

_POWERS = np.array([3, 1, 1, 1])  # of the pixel size in the quantities that have one
_SIZED = len(_POWERS)
_HIDDEN = 256
_EPOCHS, _BATCH, _RATE, _DECAY = 40, 256, 1e-3, 1e-2
_LEAST_SD = 1e-3

Floats = NDArray[np.float64]


def to_pixels(quantities: Floats, pixel_size_angstrom: Floats) -> Floats:
    """Return quantities (n, 6) in the form that the head predicts, of images of pixel sizes (n,)."""
    scaled = np.log(quantities[:, :_SIZED]) - _POWERS * np.log(pixel_size_angstrom)[:, None]
    return np.column_stack([scaled, quantities[:, _SIZED:]])


def from_pixels(predicted: Floats, pixel_size_angstrom: Floats) -> Floats:
    """Undo `to_pixels`; a fill below 0 becomes 0, a hollow stays within -1 and 1.

    >>> quantities, pixel = np.array([[465.0, 180.0, 50.0, 40.0, 0.8, -0.1]]), np.array([4.5])
    >>> from_pixels(to_pixels(quantities, pixel), pixel).round(6).tolist()
    [[465.0, 180.0, 50.0, 40.0, 0.8, -0.1]]
    """
    scaled = predicted[:, :_SIZED] + _POWERS * np.log(pixel_size_angstrom)[:, None]
    fill, hollow = np.maximum(predicted[:, _SIZED : _SIZED + 1], 0), predicted[:, _SIZED + 1 :].clip(-1, 1)
    return np.column_stack([np.exp(scaled), fill, hollow])


class QuantityHead(nn.Module):
    """Pooled features (n, 2048) to means and half widths of intervals, each (n, 6), in the form of `to_pixels`.

    One that was fitted before the last quantities were there has the first ``outputs`` of them only.
    """

    mean: Tensor
    sd: Tensor
    spread: Tensor

    def __init__(self, outputs: int = len(QUANTITIES)) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.LayerNorm(FEATURES),
            nn.Linear(FEATURES, _HIDDEN),
            nn.GELU(),
            nn.Dropout(0.2),
            nn.Linear(_HIDDEN, 2 * outputs),
        )
        self.register_buffer("mean", torch.zeros(outputs))
        self.register_buffer("sd", torch.ones(outputs))
        self.register_buffer("spread", torch.ones(outputs))

    def normal(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return means and standard deviations (n, 6) as they are trained, in units of the training set's."""
        mean, wide = self.layers(features.float()).chunk(2, dim=1)
        return mean, functional.softplus(wide) + _LEAST_SD

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return means and half widths."""
        mean, sd = self.normal(features)
        return self.mean + self.sd * mean, self.sd * self.spread * sd


@dataclass(frozen=True, slots=True, eq=False)
class Readings:
    """What a head reads in n images: means and half widths of intervals (n, 6), in the form of `to_pixels`."""

    mean: Floats
    half: Floats

    @classmethod
    def together(cls, parts: Sequence["Readings"]) -> "Readings":
        """Return the readings of all parts, one after the other."""
        return cls(np.concatenate([p.mean for p in parts]), np.concatenate([p.half for p in parts]))


@torch.inference_mode()
def read(head: QuantityHead, features: Tensor, copies: int) -> Readings:
    """Read images of which there are ``copies`` in a row, features (n * copies, 2048).

    Copies of an image share its noise: means are averaged, and so are widths.
    """
    mean, half = (of.double().view(-1, copies, of.shape[1]).mean(1).numpy() for of in head(features))
    return Readings(mean, half)


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
    """Fit a head on features (n, 2048) and what they should say (n, 6), in the form of `to_pixels`.

    ``held_out`` (n,) are images of molecules that are not fitted: the width of the intervals is set on them, so that they
    hold `INTERVAL` of molecules that the head has not seen.
    """
    torch.manual_seed(seed)
    head = QuantityHead()
    fitted = torch.from_numpy(~held_out)
    wanted = torch.from_numpy(target).float()
    head.mean = wanted[fitted].mean(0)
    head.sd = wanted[fitted].std(0, correction=0).clamp_min(_LEAST_SD)
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

    kept = {name: value.float() for name, value in load_file(path).items()}
    head = QuantityHead(len(kept["mean"]))
    head.load_state_dict(kept)
    return head.eval()
