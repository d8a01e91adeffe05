"""What the network proposes for images: groups, each with its share and nearest view."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from emsearch.network.quantities import Readings, read
from emsearch.search.engine import SearchIndex
from emsearch.search.framing import ClassRange, Sampling, samplings
from emsearch.search.prepare import centre_of_particle_px, frame
from emsearch.search.vote import NOT_NEAR

__all__ = ["COPIES", "Candidate", "Proposal", "Proposals", "propose", "propose_together"]

COPIES = 2
"""Each sampling of an image is embedded as it stands and about the estimated centre of its particle."""

_FRAME_SHARPNESS = 10.0  # how fast a sampling loses weight as its best cosine falls behind
_FRAMED_AT_ONCE = 4096  # copies of images, so that memory stays bounded where many samplings are tried
_LARGEST_OVER_IMAGE = (
    1.2  # a molecule seen along its length may be longer than its picture is wide, but not by much
)
_UNVOTED = 0.05  # of the votes: a group without a near view is not ruled out by that
_LEAST_SHARE = 1e-6  # of a size class: groups below are not considered

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A group that the network proposes.

    ``share`` is its part of the whole: what ``classifier`` and ``vote`` (each a share within the size class) say
    together, weighted by how well the sampling fits; ``similarity`` the cosine of its nearest view, ``structure`` whose view
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
    """The first candidates for one image, best first, and the groups that come after them in the same order.

    The shares of both, ``rest_share`` (r,) that of the groups ``rest_group`` (r,), sum to one; ``similarity`` is the
    best cosine of all.
    """

    candidates: tuple[Candidate, ...]
    rest_group: NDArray[np.int64]
    rest_share: Floats
    similarity: float


@dataclass(frozen=True, slots=True, eq=False)
class Proposals:
    """What the network says of all groups to n images of one shape and pixel size, each array (n, groups).

    ``share``, ``classifier``, ``vote`` and ``similarity`` are those of `Candidate`, 0 and NOT_NEAR where a group is not
    considered; ``vector_id`` is the nearest view's place in its class's vectors, -1 where none is near, ``trial`` the
    place of the sampling in ``samplings``. ``readings`` are what the head for quantities reads in each of them, None where
    the index has no head.
    """

    share: Floats
    classifier: Floats
    vote: Floats
    similarity: Floats
    vector_id: NDArray[np.int64]
    trial: NDArray[np.int64]
    samplings: tuple[Sampling, ...]
    readings: tuple[Readings, ...] | None = None

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.share)

    def of(self, index: SearchIndex, k: int, most: int | None = None) -> Proposal:
        """Return the first ``most`` candidates, or all, for image k."""
        share = self.share[k]
        order = np.argsort(-share, kind="stable")[: np.count_nonzero(share)]
        first, rest = np.split(order, [len(order) if most is None else most])
        candidates = tuple(self.candidate(index, k, group) for group in first.tolist())
        return Proposal(candidates, rest, share[rest], float(self.similarity[k].max()))

    def candidate(self, index: SearchIndex, k: int, group: int) -> Candidate:
        """Return one group as a candidate for image k."""
        sampling = self.samplings[self.trial[k, group]]
        vector = self.vector_id[k, group]
        owner = index.classes[sampling.size_class].structure_of_vector
        return Candidate(
            group=group,
            share=float(self.share[k, group]),
            classifier=float(self.classifier[k, group]),
            vote=float(self.vote[k, group]),
            similarity=float(self.similarity[k, group]),
            structure=index.structures[owner[vector]] if vector >= 0 else index.groups[group].representative,
            sampling=sampling,
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Trial:
    """One sampling of n images, arrays (n, groups); ``share`` is 0 for a group that is not considered."""

    share: Floats
    classifier: Floats
    vote: Floats
    similarity: Floats
    vector_id: NDArray[np.int64]


def _class_ranges(index: SearchIndex) -> list[ClassRange]:
    return [
        ClassRange(k, c.dmax_min_angstrom, c.dmax_max_angstrom, c.pixel_size_angstrom)
        for k, c in enumerate(index.classes)
    ]


def _embed(
    index: SearchIndex, images: Tensor, trials: Sequence[Sampling]
) -> tuple[Tensor, list[Readings] | None]:
    """Embed the copies of images (n, h, w) in every sampling, (samplings, n * COPIES, width), and read quantities."""
    images = images.to(index.device)
    estimated = centre_of_particle_px(images)
    centre = torch.stack([torch.zeros_like(estimated), estimated], dim=1).flatten(0, 1)
    framed = [frame(images, s.scale, index.classes[s.size_class].box_px, centre).images for s in trials]
    if index.quantity_head is None:
        embedding, readings = index.embed(torch.cat(framed)), None
    else:
        features = index.features(torch.cat(framed))
        embedding = index.embed_features(features)
        readings = [read(index.quantity_head, of.cpu(), COPIES) for of in features.chunk(len(trials))]
    return embedding.view(len(trials), -1, embedding.shape[1]), readings


def _groups_that_fit(index: SearchIndex, trials: Sequence[Sampling], side_px: int) -> NDArray[np.bool_]:
    """Return (samplings, groups): which groups of each class the picture has room for, or all where it has for none."""
    of_class = np.stack([index.classes[s.size_class].allowed for s in trials])
    side_angstrom = side_px * np.array([s.image_pixel_size_angstrom for s in trials])
    extent = np.array([group.dmax_angstrom for group in index.groups])
    fitting = of_class & (extent <= _LARGEST_OVER_IMAGE * side_angstrom[:, None])
    return fitting if fitting.any() else of_class


def _together(classifier: Floats, vote: Floats) -> Floats:
    """Return the shares (n, groups) that classifier and vote give together (docs/decisions/0003-training-levers.md)."""
    product = classifier * np.sqrt(vote + _UNVOTED)
    return np.asarray(product / product.sum(axis=1, keepdims=True))


def _trial(index: SearchIndex, sampling: Sampling, embedding: Tensor, allowed: NDArray[np.bool_]) -> _Trial:
    size_class = index.classes[sampling.size_class]
    votes = index.vote(embedding, size_class, COPIES)
    by_copy = index.classify(embedding, size_class)
    classifier = by_copy.reshape(-1, COPIES, by_copy.shape[1]).mean(1)
    share = _together(classifier, votes.share)
    considered = allowed & (share > _LEAST_SHARE)
    return _Trial(
        share=np.where(considered, share, 0.0),
        classifier=classifier,
        vote=votes.share,
        similarity=np.where(considered, votes.similarity, NOT_NEAR),
        vector_id=votes.vector_id,
    )


def propose_together(index: SearchIndex, images: Tensor, pixel_size_angstrom: float | None) -> Proposals:
    """Ask the network about bright-particle images (n, h, w) of one pixel size, in every sampling that may fit."""
    trials = samplings(_class_ranges(index), min(images.shape[1:]), pixel_size_angstrom)
    at_once = max(1, _FRAMED_AT_ONCE // (COPIES * len(trials)))
    seen = [_embed(index, some, trials) for some in images.split(at_once)]
    embeddings = torch.cat([embedding for embedding, _ in seen], dim=1)
    allowed = _groups_that_fit(index, trials, min(images.shape[1:]))
    found = [_trial(index, s, e, a) for s, e, a in zip(trials, embeddings, allowed, strict=True)]
    peak = np.stack([f.similarity.max(axis=1) for f in found])
    weight = np.exp(_FRAME_SHARPNESS * (peak - peak.max(axis=0)))
    weighted = np.stack([w[:, None] * f.share for w, f in zip(weight, found, strict=True)])
    best = weighted.argmax(axis=0)  # the first of those that are equal
    share = weighted.max(axis=0)

    def of_best(values: Sequence[NDArray[Any]]) -> NDArray[Any]:
        of: NDArray[Any] = np.take_along_axis(np.stack(values), best[None], axis=0)[0]
        return of

    return Proposals(
        share=share / share.sum(axis=1, keepdims=True),
        classifier=of_best([f.classifier for f in found]),
        vote=of_best([f.vote for f in found]),
        similarity=of_best([f.similarity for f in found]),
        vector_id=of_best([f.vector_id for f in found]),
        trial=best,
        samplings=tuple(trials),
        readings=_joined([readings for _, readings in seen]),
    )


def _joined(parts: Sequence[list[Readings] | None]) -> tuple[Readings, ...] | None:
    """Return, for each sampling, the readings of all images."""
    there = [part for part in parts if part is not None]
    if not there:
        return None
    return tuple(Readings.together(of_sampling) for of_sampling in zip(*there, strict=True))


def propose(index: SearchIndex, image: Tensor, pixel_size_angstrom: float | None) -> Proposal:
    """Ask the network about one bright-particle image (h, w), in every sampling that may fit."""
    return propose_together(index, image[None], pixel_size_angstrom).of(index, 0)
