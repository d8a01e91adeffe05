"""The ways of explaining a case, each as a map in the frame in which the image is matched."""

from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from emsearch.explanation.case import Case, NetworkFrame
from emsearch.explanation.class_activation import activation_map, dense_network
from emsearch.explanation.match_map import Account, MatchMap, account, match_map, no_particle
from emsearch.explanation.network_score import NetworkScore
from emsearch.explanation.perturbing import Perturbing, background_of, lime_map, shap_map
from emsearch.search.engine import SearchIndex
from emsearch_index.errors import UsageError

__all__ = [
    "METHODS",
    "NETWORK_METHODS",
    "Method",
    "accounts_of",
    "fine_map",
    "match_of",
    "method_named",
    "network_map",
    "to_target_frame",
]

Floats = NDArray[np.float64]
Method = Literal["match", "cam", "lime", "shap"]

METHODS: tuple[Method, ...] = ("match", "cam", "lime", "shap")
NETWORK_METHODS: tuple[Method, ...] = METHODS[1:]


def method_named(name: str) -> Method:
    """Return a method by its name.

    Raises
    ------
    UsageError
        There is none of that name.
    """
    for method in METHODS:
        if method == name:
            return method
    raise UsageError(f"found method {name!r}, expected one of {', '.join(METHODS)}; choose one")


def accounts_of(index: SearchIndex, case: Case) -> tuple[Account, Account]:
    """Return how the hit and the rival, or no particle at all, account for the image."""
    hit = case.hit
    simulator = index.simulator([hit.candidate.structure])
    found = account(case.target, simulator, hit.match.pose)
    if case.rival is None:
        return found, no_particle(case.target, simulator, hit.match.pose)
    rival = index.simulator([case.rival.candidate.structure])
    return found, account(case.rival_target, rival, case.rival.match.pose)


def match_of(index: SearchIndex, case: Case) -> MatchMap:
    """Return the log-likelihood of the hit over the rival, or over no particle, by pixel of the whole picture."""
    return match_map(*accounts_of(index, case))


def network_map(
    score: NetworkScore, frame: NetworkFrame, method: Method, perturbing: Perturbing | None = None
) -> Floats:
    """Return a map (box, box) of the network, in the frame that it sees."""
    image = frame.image
    if method == "cam":
        dense = score.with_network(dense_network(score.network))
        return fine_map(activation_map(dense, image).map, image.shape[-1])
    explain = lime_map if method == "lime" else shap_map
    background = background_of(image, frame.aperture_px)
    return explain(score, image, background, perturbing or Perturbing())


def fine_map(coarse: Floats, box_px: int) -> Floats:
    """Enlarge a map (h, w) to (box, box); its sum stays within the errors of the interpolation at the rim.

    >>> float(fine_map(np.ones((2, 2)), 8).sum())
    4.0
    """
    given = torch.from_numpy(np.ascontiguousarray(coarse))[None, None]
    fine = functional.interpolate(given, (box_px, box_px), mode="bilinear")[0, 0].numpy()
    return np.asarray(fine * (coarse.size / fine.size))


def to_target_frame(relevance: Floats, frame: NetworkFrame, case: Case) -> Floats:
    """Return a map of the network's frame in the frame in which the image is matched, density kept.

    What the network did not see is 0.
    """
    box, other = relevance.shape[-1], case.target.box_px
    ratio = frame.scale / case.hit.scale
    axis = (torch.arange(other, dtype=torch.float64) - other // 2) * ratio
    x, y = (axis - c * frame.scale + box // 2 for c in frame.centre_px)
    grid = torch.stack(
        torch.broadcast_tensors((2 * x[None, :] + 1) / box - 1, (2 * y[:, None] + 1) / box - 1), -1
    )
    given: Tensor = torch.from_numpy(np.ascontiguousarray(relevance, np.float64))
    moved = functional.grid_sample(given[None, None], grid[None], mode="bilinear", align_corners=False)[0, 0]
    return np.asarray(moved.numpy() * ratio**2)
