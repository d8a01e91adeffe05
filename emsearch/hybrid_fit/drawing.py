"""The projection of a bent model and its derivatives with respect to all that is fitted.

A projection is linear in the weights and, between two
pixels, in the places of the beads, so that its own derivative is another drawing of the same beads:

    P = B S w,    dP = B (S dw + S_x (w dx) + S_y (w dy)),

S (pixels, beads) spreads a bead over four pixels, S_x and S_y are its derivatives, and B is the blur. It is the image model
of `emsearch.imaging.project_cpu`.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array, hstack
from torch import Tensor

from emsearch.hybrid_fit.flexible import Flexible
from emsearch.hybrid_fit.state import BEND, SOFTNESS, State
from emsearch.imaging.blur import SIGMA_OVER_RESOLUTION, blur_taps
from emsearch.search.poses import NAMES

__all__ = ["Drawing", "Frame", "draw"]

Floats = NDArray[np.float64]

_BLUR = NAMES.index("blur")
_SHIFT_X, _SHIFT_Y, _SCALE = (NAMES.index(name) for name in ("shift_x", "shift_y", "scale"))
_FILL, _UPTAKE, _TOP = (NAMES.index(name) for name in ("fill", "uptake", "top"))
_BLUR_STEP = 1e-3


@dataclass(frozen=True, slots=True)
class Frame:
    """Side of the image in px and pixel size in A."""

    box_px: int
    pixel_size_angstrom: float


@dataclass(frozen=True, slots=True)
class Drawing:
    """A projection, float32 (box, box), and its derivatives (12 + k, box, box) in the order of a step of `State`.

    That of defocus is left empty: it is a matter of the microscope.
    """

    projection: Tensor
    slopes: Tensor


def draw(flexible: Flexible, width_angstrom: float, state: State, frame: Frame) -> Drawing:
    """Draw a model, whose beads are ``width_angstrom`` wide, in a state."""
    beads = _Beads.of(flexible, state, frame)
    placed, slopes = beads.placed, beads.slopes
    spread = _spread(placed, frame.box_px)
    weight = placed[:, 2]
    along = np.concatenate([slopes[:, 2], weight[:, None] * slopes[:, 0], weight[:, None] * slopes[:, 1]])
    fields = hstack(spread) @ along
    bare = spread[0] @ weight
    sigma, share = _sigma_px(width_angstrom, state, frame)
    blur, softer = (_blur_matrix(s, frame.box_px) for s in (sigma, sigma * np.exp(_BLUR_STEP)))
    images = np.concatenate([bare[:, None], fields], axis=1).T.reshape(-1, frame.box_px, frame.box_px)
    drawn = blur @ images @ blur.T
    wider = (softer @ images[0] @ softer.T - drawn[0]) / _BLUR_STEP
    drawn[1 + _BLUR] = share * wider
    drawn[1 + _SCALE] += wider
    finished = torch.from_numpy(drawn.astype(np.float32))
    return Drawing(finished[0], finished[1:])


@dataclass(frozen=True, slots=True, eq=False)
class _Beads:
    """Where beads fall, in px, and what they weigh, (n, 3), and the derivatives of it, (n, 3, 12 + k)."""

    placed: Floats
    slopes: Floats

    @classmethod
    def of(cls, flexible: Flexible, state: State, frame: Frame) -> "_Beads":
        pose, turn = state.pose, state.turn
        bent, bends = flexible.bent_and_slopes(state.modes)
        points = bent @ turn.T
        # A step turns by angles about x, y and z: v x p to first order.
        turned = np.stack([np.cross(axis, points) for axis in np.eye(3)])
        moves = np.zeros((BEND + len(state.modes), len(points), 3))
        moves[:3], moves[BEND:] = turned, bends @ turn.T
        across = float(np.exp(pose.scale[0])) / frame.pixel_size_angstrom
        slopes = np.zeros((len(points), 3, len(moves)))
        slopes[:, :2] = across * moves[:, :, :2].transpose(1, 2, 0)
        slopes[:, :2, _SCALE] = across * points[:, :2]
        slopes[:, 0, _SHIFT_X] = slopes[:, 1, _SHIFT_Y] = 1.0
        weight = _weigh(flexible, state, points[:, 2], moves[:, :, 2].T, slopes[:, 2])
        places = frame.box_px // 2 + pose.shift_px[0] + across * points[:, :2]
        return cls(np.concatenate([places, weight[:, None]], axis=1), slopes)


def _weigh(flexible: Flexible, state: State, height: Floats, rise: Floats, slopes: Floats) -> Floats:
    """Return what beads (n,) at a height weigh, and write the derivatives (n, 12 + k) given those of the height."""
    fill, uptake, top = (float(getattr(state.pose, name)[0]) for name in ("fill", "uptake", "top"))
    volume, nucleic = (
        np.asarray(v, np.float64) for v in (flexible.model.volume_angstrom3, flexible.model.nucleic)
    )
    whole = volume * (1 - uptake * nucleic)
    if fill >= 1:
        slopes[:, _UPTAKE] = -volume * nucleic
        return np.asarray(whole)
    lowest, highest = int(height.argmin()), int(height.argmax())
    extent, softness = float(height[highest] - height[lowest]), float(np.exp(state.softness))
    depth = (height[lowest] + fill * extent - height) / softness
    inside = 0.5 + 0.5 * np.tanh(depth / 2)
    slope = whole * (1 + top) * inside * (1 - inside)
    surface = (1 - fill) * rise[lowest] + fill * rise[highest]
    slopes[:] = slope[:, None] * (surface - rise) / softness
    slopes[:, _FILL] = slope * extent / softness
    slopes[:, SOFTNESS] = -slope * depth
    slopes[:, _TOP] = whole * (inside - 1)
    stained = inside * (1 + top) - top
    slopes[:, _UPTAKE] = -volume * nucleic * stained
    return np.asarray(whole * stained)


def _spread(placed: Floats, box: int) -> tuple[csr_array, csr_array, csr_array]:
    """Return S, S_x and S_y (pixels, beads); beads off the image are in none of them."""
    x, y = placed[:, 0], placed[:, 1]
    inside = (x >= 0) & (y >= 0) & (x < box - 1) & (y < box - 1)
    (bead,) = np.nonzero(inside)
    column, row = np.floor(x[bead]).astype(np.int64), np.floor(y[bead]).astype(np.int64)
    right, below = x[bead] - column, y[bead] - row
    left, above = 1 - right, 1 - below
    corner = row * box + column
    pixel = np.concatenate([corner, corner + 1, corner + box, corner + box + 1])
    owner = np.tile(bead, 4)
    shares = (
        (left * above, right * above, left * below, right * below),
        (-above, above, -below, below),
        (-left, -right, left, right),
    )
    s, s_x, s_y = (
        csr_array((np.concatenate(share), (pixel, owner)), shape=(box * box, len(placed))) for share in shares
    )
    return s, s_x, s_y


def _sigma_px(width_angstrom: float, state: State, frame: Frame) -> tuple[float, float]:
    """Return the width of a bead as drawn, and the share of the resolution in its square."""
    across = float(np.exp(state.pose.scale[0])) / frame.pixel_size_angstrom
    resolved = SIGMA_OVER_RESOLUTION * float(np.exp(state.pose.blur[0]))
    wide = float(np.hypot(resolved, width_angstrom))
    return wide * across, (resolved / wide) ** 2


def _blur_matrix(sigma_px: float, box: int) -> Floats:
    """Return the blur along one axis (box, box); nothing lies beyond the edge."""
    taps = blur_taps(np.array([sigma_px]))[0].astype(np.float64)
    padded = np.zeros(max(box, len(taps)))
    padded[: len(taps)] = taps
    distance = np.abs(np.arange(box)[:, None] - np.arange(box))
    return np.asarray(padded[distance])
