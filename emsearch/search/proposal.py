"""What the network proposes for an image: groups, each with its share and nearest view."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from emsearch.search.engine import SearchIndex
from emsearch.search.framing import ClassRange, Sampling, samplings
from emsearch.search.prepare import Framed, centre_of_particle_px, frame

__all__ = ["NOT_NEAR", "Candidate", "Proposal", "explained", "propose"]

NOT_NEAR = -1.0
"""The similarity of a group that has no view among the neighbours."""

_FRAME_SHARPNESS = 10.0  # how fast a sampling loses weight as its best cosine falls behind


@dataclass(frozen=True, slots=True)
class Candidate:
    """A group that the network proposes.

    ``share`` is its part of the whole, the mean of ``classifier`` and ``vote`` (each a share within the size class)
    weighted by how well the sampling fits; ``similarity`` the cosine of its nearest view, ``structure`` whose view
    that is.
    """

    group: int
    share: float
    classifier: float
    vote: float
    similarity: float
    structure: str
    sampling: Sampling


@dataclass(frozen=True, slots=True)
class Proposal:
    """Candidates, best first; shares sum to one over all groups that were considered."""

    candidates: tuple[Candidate, ...]

    @property
    def similarity(self) -> float:
        """The best cosine of all."""
        return max(c.similarity for c in self.candidates)


def _class_ranges(index: SearchIndex) -> list[ClassRange]:
    return [
        ClassRange(k, c.dmax_min_angstrom, c.dmax_max_angstrom, c.pixel_size_angstrom)
        for k, c in enumerate(index.classes)
    ]


def _copies(image: Tensor, sampling: Sampling, box_px: int) -> Framed:
    """Frame an image as it stands and about the estimated centre of its particle."""
    centre = torch.cat([torch.zeros(1, 2), centre_of_particle_px(image[None])])
    return frame(image.expand(2, -1, -1), sampling.scale, box_px, centre)


def _candidates(index: SearchIndex, sampling: Sampling, embedding: Tensor) -> list[Candidate]:
    size_class = index.classes[sampling.size_class]
    votes = index.vote(embedding, size_class)
    classifier = index.classify(embedding, size_class).mean(0)
    vote = np.zeros(len(classifier))
    vote[votes.group] = votes.share
    share = (classifier + vote) / 2
    similarity = np.full(len(share), NOT_NEAR)
    similarity[votes.group] = votes.similarity
    nearest = dict(zip(votes.group.tolist(), votes.vector_id.tolist(), strict=True))
    return [
        Candidate(
            group=group,
            share=float(share[group]),
            classifier=float(classifier[group]),
            vote=float(vote[group]),
            similarity=float(similarity[group]),
            structure=index.structures[size_class.structure_of_vector[nearest[group]]]
            if group in nearest
            else index.groups[group].representative,
            sampling=sampling,
        )
        for group in np.flatnonzero(size_class.allowed & (share > 1e-6)).tolist()
    ]


def propose(index: SearchIndex, image: Tensor, pixel_size_angstrom: float | None) -> Proposal:
    """Ask the network about one bright-particle image (h, w), in every sampling that may fit."""
    trials = samplings(_class_ranges(index), min(image.shape), pixel_size_angstrom)
    framed = [_copies(image, s, index.classes[s.size_class].box_px) for s in trials]
    embeddings = index.embed(torch.cat([f.images for f in framed])).split(2)
    found = [_candidates(index, s, e) for s, e in zip(trials, embeddings, strict=True)]
    peak = [max(c.similarity for c in candidates) for candidates in found]
    weight = np.exp(_FRAME_SHARPNESS * (np.array(peak) - max(peak)))
    best: dict[int, Candidate] = {}
    shares: dict[int, float] = {}
    for candidates, w in zip(found, weight.tolist(), strict=True):
        for c in candidates:
            if w * c.share > shares.get(c.group, 0.0):
                shares[c.group], best[c.group] = w * c.share, c
    total = sum(shares.values())
    ranked = sorted(best, key=lambda group: (-shares[group], group))
    return Proposal(tuple(replace(best[group], share=shares[group] / total) for group in ranked))


def explained(index: SearchIndex, images: Sequence[Tensor], pixel_size_angstrom: float | None) -> float:
    """Return how well the network knows these images, the mean best cosine."""
    return float(np.mean([propose(index, image, pixel_size_angstrom).similarity for image in images]))
