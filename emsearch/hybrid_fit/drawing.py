"""The projection of a bent model and its derivatives with respect to all that is fitted.

Where beads lie and what they weigh is differentiated by torch. A projection is linear in the weights and, between two
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
from emsearch.shapes.rotations import quaternions_to_matrices

__all__ = ["Drawing", "Frame", "draw"]

Floats = NDArray[np.float64]

_BLUR = NAMES.index("blur")
_SCALE, _FILL, _UPTAKE, _TOP = (NAMES.index(name) for name in ("scale", "fill", "uptake", "top"))
_BLUR_STEP = 1e-3
_NEARLY_FULL = 0.95  # a full stain has no surface: its derivative is that of one a little lower


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
    nothing = torch.zeros(BEND + len(state.modes), dtype=torch.float64)
    placed = beads(nothing).numpy()
    tangents = torch.func.jacfwd(beads.below_full())(nothing).numpy()
    spread = _spread(placed, frame.box_px)
    weight = placed[:, 2]
    along = np.concatenate([tangents[:, 2], weight[:, None] * tangents[:, 0], weight[:, None] * tangents[:, 1]])
    fields = hstack(spread) @ along
    bare = spread[0] @ weight
    sigma = _sigma_px(width_angstrom, state, frame)
    blur, softer = (_blur_matrix(s, frame.box_px) for s in sigma)
    images = np.concatenate([bare[:, None], fields], axis=1).T.reshape(-1, frame.box_px, frame.box_px)
    drawn = blur @ images @ blur.T
    drawn[1 + _BLUR] = (softer @ images[0] @ softer.T - drawn[0]) / _BLUR_STEP
    finished = torch.from_numpy(drawn.astype(np.float32))
    return Drawing(finished[0], finished[1:])


@dataclass(frozen=True, slots=True, eq=False)
class _Beads:
    """Where beads fall, in px, and what they weigh, (n, 3), after a step from a state; exact to first order in angles."""

    flexible: Flexible
    turn: Tensor
    centre_px: Tensor
    across: float
    fill: float
    softness: float
    uptake: float
    top: float
    modes: Tensor
    volume: Tensor
    nucleic: Tensor

    @classmethod
    def of(cls, flexible: Flexible, state: State, frame: Frame) -> "_Beads":
        pose = state.pose
        return cls(
            flexible=flexible,
            turn=torch.from_numpy(quaternions_to_matrices(pose.quaternion)[0]),
            centre_px=torch.from_numpy(frame.box_px // 2 + pose.shift_px[0]),
            across=float(np.exp(pose.scale[0])) / frame.pixel_size_angstrom,
            fill=float(pose.fill[0]),
            softness=state.softness,
            uptake=float(pose.uptake[0]),
            top=float(pose.top[0]),
            modes=torch.from_numpy(state.modes),
            volume=torch.from_numpy(flexible.model.volume_angstrom3.astype(np.float64)),
            nucleic=torch.from_numpy(flexible.model.nucleic.astype(np.float64)),
        )

    def below_full(self) -> "_Beads":
        values = {name: getattr(self, name) for name in self.__slots__}
        return _Beads(**{**values, "fill": min(self.fill, _NEARLY_FULL)})

    def __call__(self, step: Tensor) -> Tensor:
        points = self.flexible.bent(self.modes + step[BEND:]) @ self.turn.T
        points = points + torch.linalg.cross(step[:3].expand_as(points), points)
        places = self.centre_px + step[3:5] + self.across * torch.exp(step[_SCALE]) * points[:, :2]
        weight = self.volume * (1 - (self.uptake + step[_UPTAKE]) * self.nucleic)
        if self.fill < 1:
            height = points[:, 2]
            low, high = height.amin(), height.amax()
            surface = low + (self.fill + step[_FILL]) * (high - low)
            softness = torch.exp(self.softness + step[SOFTNESS])
            inside = torch.sigmoid((surface - height) / softness)
            top = self.top + step[_TOP]
            weight = weight * (inside * (1 + top) - top)
        return torch.cat([places, weight[:, None]], dim=1)


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
    """Return the width of a bead as drawn, and as it is at a resolution a little lower."""
    across = float(np.exp(state.pose.scale[0])) / frame.pixel_size_angstrom
    resolution = float(np.exp(state.pose.blur[0]))
    wide, wider = (
        float(np.hypot(SIGMA_OVER_RESOLUTION * r, width_angstrom)) * across
        for r in (resolution, resolution * np.exp(_BLUR_STEP))
    )
    return wide, wider


def _blur_matrix(sigma_px: float, box: int) -> Floats:
    """Return the blur along one axis (box, box); nothing lies beyond the edge."""
    taps = blur_taps(np.array([sigma_px]))[0].astype(np.float64)
    padded = np.zeros(max(box, len(taps)))
    padded[: len(taps)] = taps
    distance = np.abs(np.arange(box)[:, None] - np.arange(box))
    return np.asarray(padded[distance])
