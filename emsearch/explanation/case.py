"""What is to be explained: one image, its hit, and the rival that it could have been."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from emsearch.explanation.network_score import NetworkScore
from emsearch.search.answering import Matched, match_candidates
from emsearch.search.engine import IndexedClass, SearchIndex
from emsearch.search.framed_target import framed_targets
from emsearch.search.looking import COPIES
from emsearch.search.matching import MatchingSettings
from emsearch.search.prepare import centre_of_particle_px, frame
from emsearch.search.proposal import Candidate, Proposals, propose_together
from emsearch.search.target import Target, Transfer
from emsearch_index.errors import UsageError

__all__ = ["Case", "NetworkFrame", "Picture", "case_of"]


@dataclass(frozen=True, slots=True)
class Picture:
    """A bright-particle image (h, w), its pixel size if known, and what the microscope leaves of projections in it."""

    image: Tensor
    pixel_size_angstrom: float | None
    transfer: Transfer | None = None


@dataclass(frozen=True, slots=True)
class NetworkFrame:
    """An image as the network sees it: normalised (box, box), within ``aperture_px``.

    ``scale`` is how many of its pixels make one of the image, ``centre_px`` (x, y) what of the image stands in its middle,
    from the image's own.
    """

    image: Tensor
    aperture_px: float
    scale: float
    centre_px: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Case:
    """One bright-particle image, its hit and a rival or None, each as matched to the whole picture.

    ``target`` is what the hit, ``rival_target`` what the rival was matched with: they differ in pixel size alone, and that
    where the image's is not known. ``framed`` and ``score`` are what the network sees and is asked.
    """

    image: Tensor
    target: Target
    rival_target: Target
    hit: Matched
    rival: Matched | None
    framed: NetworkFrame
    score: NetworkScore


def case_of(
    index: SearchIndex,
    picture: Picture,
    hit: int,
    rival: int | None = None,
    *,
    structure: str | None = None,
) -> Case:
    """Match a group, and a rival if there is one, with a picture.

    ``structure`` stands for the hit; without it the one of the group whose view is nearest does.

    Raises
    ------
    UsageError
        The picture is not looked at in the group's size.
    """
    image, transfer = picture.image, picture.transfer
    proposals = propose_together(index, image[None], picture.pixel_size_angstrom)
    candidates = [_candidate(index, proposals, g) for g in (hit, rival) if g is not None]
    if structure is not None:
        candidates[0] = replace(candidates[0], structure=structure)
    pixels = [c.sampling.image_pixel_size_angstrom for c in candidates]
    targets, _ = framed_targets(image, pixels, index.classes[0].box_px, transfer)
    matched = match_candidates(index, image, candidates, MatchingSettings(), transfer)
    found = {m.candidate.group: m for m in matched}
    size_class = index.classes[candidates[0].sampling.size_class]
    score = NetworkScore(index.network, hit, rival, torch.from_numpy(size_class.allowed))
    return Case(
        image=image,
        target=targets[0],
        rival_target=targets[-1],
        hit=found[hit],
        rival=None if rival is None else found[rival],
        framed=_network_frame(image, candidates[0], size_class, score),
        score=score,
    )


def _candidate(index: SearchIndex, proposals: Proposals, group: int) -> Candidate:
    """Return a group as a candidate; one that the network does not consider in the first sampling of its size class."""
    if proposals.share[0, group] > 0:
        return proposals.candidate(index, 0, group)
    own = index.groups[group].size_class
    fitting = [s for s in proposals.samplings if index.classes[s.size_class].name == own]
    if not fitting:
        looked_at = sorted({index.classes[s.size_class].name for s in proposals.samplings})
        raise UsageError(
            f"group {index.groups[group].id} is of the size class {own}, and a picture of this size is looked at in "
            f"{', '.join(looked_at)}; name a group of these, or check --pixel-size"
        )
    return replace(proposals.candidate(index, 0, group), sampling=fitting[len(fitting) // 2])


def _network_frame(
    image: Tensor, candidate: Candidate, size_class: IndexedClass, score: NetworkScore
) -> NetworkFrame:
    """Return the copy of the image, as it stands or about its centre, in which the network puts the hit further ahead."""
    scale = candidate.sampling.scale
    estimated = centre_of_particle_px(image[None])
    centres = torch.cat([torch.zeros_like(estimated), estimated])
    copies = frame(image[None].expand(COPIES, -1, -1), scale, size_class.box_px, centres)
    best = int(score(copies.images).argmax())
    x, y = copies.centre_px[best].tolist()
    return NetworkFrame(copies.images[best], float(copies.aperture_px[best]), scale, (x, y))
