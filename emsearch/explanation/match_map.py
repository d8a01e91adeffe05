"""Where in an image the matched pose wins: the log-likelihood of a fit, pixel by pixel.

Projection matching gives a fit the log-likelihood -N/2 log(R) of N independent witnesses, R the sum of squares of what it
leaves of the whitened image (`emsearch.search.fitting`). Over a rival it has N/2 log(R_rival / R_hit), and with
M = (R_rival - R_hit) / (log R_rival - log R_hit), the logarithmic mean of both,

    N / (2 M) (r_rival(x)^2 - r_hit(x)^2)

are shares of its pixels: their sum is the difference, exactly, and hit and rival in each other's place change the sign.
Whitening spreads a pixel over the reach of the noise's correlation, 8 px at most.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from emsearch.imaging.simulate import Simulator
from emsearch.search.fitting import fit
from emsearch.search.image_model import LINEAR, PLANE, ImageModel
from emsearch.search.matching import Pose
from emsearch.search.poses import Poses
from emsearch.search.target import Target

__all__ = ["Account", "MatchMap", "account", "match_map", "no_particle", "poses_of"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Account:
    """How one hypothesis accounts for an image, whitened, each float64 (box, box): what it draws and what it leaves.

    ``witnesses`` are the pixels compared that are independent.
    """

    drawn: Floats
    left: Floats
    witnesses: float


@dataclass(frozen=True, slots=True)
class MatchMap:
    """Log-likelihood of a hit over a rival, by pixel, float64 (box, box).

    The sum of ``evidence`` is ``log_likelihood``. ``expected`` is what it would be on average over noise were the hit
    exactly right: the square of where the two differ, in the same units.
    """

    evidence: Floats
    expected: Floats
    log_likelihood: float


def poses_of(pose: Pose) -> Poses:
    """Return the pose of structure 0 as the fit takes it."""
    return Poses(
        structure=np.zeros(1, np.int64),
        quaternion=np.asarray(pose.quaternion, np.float64)[None],
        shift_px=np.array([pose.shift_px]),
        scale=np.log([pose.scale]),
        fill=np.array([pose.fill]),
        blur=np.log([pose.resolution_angstrom]),
        uptake=np.array([pose.uptake]),
        top=np.array([pose.top_signal]),
    )


def account(target: Target, simulator: Simulator, pose: Pose) -> Account:
    """Let the first structure of a simulator, in a pose, account for an image; amplitudes at their best."""
    model = ImageModel(target, simulator)
    poses = poses_of(pose)
    amplitudes = torch.from_numpy(fit(model, poses, steps=0).amplitudes[0])
    return _accounted(model, model.columns(poses)[0, LINEAR], amplitudes)


def no_particle(target: Target, simulator: Simulator, pose: Pose) -> Account:
    """Let a level and a plane alone account for an image; the simulator and the pose draw nothing of it."""
    model = ImageModel(target, simulator)
    plane = model.columns(poses_of(pose))[0, PLANE]
    columns = torch.view_as_real(plane).flatten(1).double()
    image = torch.view_as_real(model.given_image).flatten().double()
    amplitudes = torch.linalg.lstsq(columns.T, image[:, None]).solution[:, 0]
    return _accounted(model, plane, amplitudes)


def _accounted(model: ImageModel, columns: Tensor, amplitudes: Tensor) -> Account:
    drawn = model.whitened(torch.einsum("j,jf->f", amplitudes.to(columns.dtype), columns)).double().numpy()
    image = model.whitened(model.given_image).double().numpy()
    return Account(drawn, image - drawn, model.witnesses)


def match_map(hit: Account, rival: Account) -> MatchMap:
    """Share out the log-likelihood of a hit over a rival among pixels."""
    left, others = float(np.square(hit.left).sum()), float(np.square(rival.left).sum())
    scale = hit.witnesses / (2 * _logarithmic_mean(left, others))
    evidence = scale * (np.square(rival.left) - np.square(hit.left))
    expected = scale * np.square(hit.drawn - rival.drawn)
    return MatchMap(evidence, expected, hit.witnesses / 2 * float(np.log(others / left)))


def _logarithmic_mean(a: float, b: float) -> float:
    """Return (a - b) / (log a - log b), for a = b their value.

    >>> _logarithmic_mean(2.0, 2.0), round(_logarithmic_mean(1.0, np.e), 6)
    (2.0, 1.718282)
    """
    ratio = np.log(a / b)
    return a if abs(ratio) < 1e-9 else float((a - b) / ratio)
