"""Images to explanations: maps, what they are worth, how far they agree, and the parts of the molecule they speak of."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from emsearch.explanation.carrying import Carried, carry_to_beads
from emsearch.explanation.case import Case
from emsearch.explanation.faithfulness import Faithfulness, faithfulness
from emsearch.explanation.maps import disc_mask, edge_map, random_map, rank_correlation, smoothed
from emsearch.explanation.match_map import MatchMap, match_map, poses_of
from emsearch.explanation.methods import (
    Method,
    accounts_of,
    network_map,
    to_target_frame,
)
from emsearch.explanation.perturbing import Perturbing, background_of
from emsearch.search.engine import SearchIndex
from emsearch.search.image_model import drawing_parameters

__all__ = ["SIGMA_PX", "Explanation", "Part", "explain_case"]

Floats = NDArray[np.float64]

SIGMA_PX = 1.5
"""How far the likelihood by pixel is smoothed before it is compared and drawn, about the resolution of the image."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one method says, as a map (box, box) of the whole picture and carried onto the beads of the hit.

    ``edges`` and ``random`` are what maps of edges alone and of noise are worth by the same curves.
    """

    map: Floats
    beads: Carried
    curves: Faithfulness
    edges: Faithfulness
    random: Faithfulness


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why one image matched its hit, rather than a rival where there is one.

    ``match`` is the log-likelihood by pixel, whether or not it is among the ``parts``; ``log_odds`` those of the network;
    ``agreement`` the rank correlation of the maps of two methods.
    """

    case: Case
    match: MatchMap
    log_odds: float
    parts: Mapping[Method, Part]
    agreement: Mapping[tuple[Method, Method], float]


def explain_case(
    index: SearchIndex, case: Case, methods: Sequence[Method], perturbing: Perturbing | None = None
) -> Explanation:
    """Explain one case by some methods."""
    perturbing = perturbing or Perturbing()
    found = match_map(*accounts_of(index, case))
    parts: dict[Method, Part] = {}
    if "match" in methods:
        relevance = smoothed(found.evidence, SIGMA_PX)
        parts["match"] = _part(
            index, case, relevance, _match_curves(index, case, found, perturbing), relevance
        )
    asked = [method for method in methods if method != "match"]
    curves = _network_curves(case, perturbing) if asked else None
    for method in asked:
        assert curves is not None
        own = network_map(case.score, case.framed, method, perturbing)
        parts[method] = _part(index, case, own, curves, to_target_frame(own, case.framed, case))
    where = disc_mask(case.target.box_px, case.target.aperture_px)
    return Explanation(
        case=case,
        match=found,
        log_odds=float(case.score(case.framed.image[None])),
        parts=parts,
        agreement={
            (a, b): rank_correlation(parts[a].map, parts[b].map, where) for a, b in combinations(parts, 2)
        },
    )


@dataclass(frozen=True, slots=True)
class _Curves:
    """What maps of one image are measured by, and what maps of edges alone and of noise are worth by it."""

    of: Callable[[Floats], Faithfulness]
    edges: Faithfulness
    random: Faithfulness

    @classmethod
    def measured(
        cls,
        value: Callable[[Tensor], Tensor],
        image: Tensor,
        empty: Tensor,
        where: NDArray[np.bool_],
        seed: int,
    ) -> "_Curves":
        def of(relevance: Floats) -> Faithfulness:
            return faithfulness(value, image, empty, relevance, where)

        return cls(of, of(edge_map(image.double().numpy())), of(random_map(len(image), SIGMA_PX, seed)))


def _match_curves(index: SearchIndex, case: Case, found: MatchMap, perturbing: Perturbing) -> _Curves:
    target = case.target
    value = _share_of_likelihood(index, case, found.log_likelihood)
    where = disc_mask(target.box_px, target.aperture_px)
    return _Curves.measured(value, target.image, _says_nothing(index, case), where, perturbing.seed)


def _network_curves(case: Case, perturbing: Perturbing) -> _Curves:
    framed = case.framed
    empty = background_of(framed.image, framed.aperture_px)
    where = disc_mask(framed.image.shape[-1], framed.aperture_px)
    return _Curves.measured(case.score.chance, framed.image, empty, where, perturbing.seed)


def _part(index: SearchIndex, case: Case, own: Floats, curves: _Curves, relevance: Floats) -> Part:
    """Return what a map says: ``own`` in the frame of the curves, ``relevance`` in that of the matching."""
    pixel = case.target.pixel_size_angstrom
    drawing = drawing_parameters(poses_of(case.hit.match.pose), pixel)
    model = index.library.model(case.hit.candidate.structure)
    return Part(
        map=relevance,
        beads=carry_to_beads(relevance, model, drawing, pixel),
        curves=curves.of(own),
        edges=curves.edges,
        random=curves.random,
    )


def _share_of_likelihood(index: SearchIndex, case: Case, whole: float) -> Callable[[Tensor], Tensor]:
    """Return what images keep of the log-likelihood over the rival, the poses held, amplitudes at their best.

    The share counts from the size of the whole, so that an image that speaks against the hit begins at -1.
    """
    unit = max(abs(whole), 1e-9)

    def value(images: Tensor) -> Tensor:
        shares = []
        for image in images:
            changed = replace(
                case,
                target=replace(case.target, image=image),
                rival_target=replace(case.rival_target, image=image),
            )
            shares.append(match_map(*accounts_of(index, changed)).log_likelihood / unit)
        return torch.tensor(shares)

    return value


def _says_nothing(index: SearchIndex, case: Case) -> Tensor:
    """Return the image (box, box) halfway between what the hit and the rival draw: its pixels speak for neither."""
    hit, rival = accounts_of(index, case)
    halfway = torch.from_numpy((hit.drawn + rival.drawn) / 2)
    unwhitened = torch.fft.rfft2(halfway) / case.target.weight.double().sqrt()
    found: Tensor = torch.fft.irfft2(unwhitened, s=case.target.image.shape)
    return found.float()
