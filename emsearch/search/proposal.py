"""What the network proposes for images: groups, each with its share and nearest view."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax
from torch import Tensor

from emsearch.network.quantities import Readings
from emsearch.search.engine import SearchIndex
from emsearch.search.framing import Sampling
from emsearch.search.looking import Look, look

__all__ = ["Candidate", "Proposal", "Proposals", "propose", "propose_together"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A group that the network proposes.

    ``share`` is its part of the whole: what ``classifier`` and ``vote`` (each a share within the size class) say
    together, weighted by how likely the class is (`emsearch.search.size_class`); ``similarity`` the cosine of its nearest
    view, ``structure`` whose view that is.
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


def propose_together(index: SearchIndex, images: Tensor, pixel_size_angstrom: float | None) -> Proposals:
    """Ask the network about bright-particle images (n, h, w) of one pixel size, in every sampling that may fit."""
    looks = look(index, images, pixel_size_angstrom)
    log_odds = [
        index.size_class_model.log_odds(s.sampling.size_class, s.embedding, s.nearest, s.filling)
        for s in looks
    ]
    weight = softmax(np.stack(log_odds), axis=0)
    weighted = np.stack([w[:, None] * s.share for w, s in zip(weight, looks, strict=True)])
    best = weighted.argmax(axis=0)  # the first of those that are equal
    share = _none_unheard(weighted.max(axis=0), index.untrained)

    def of_best(values: Callable[[Look], NDArray[Any]]) -> NDArray[Any]:
        of: NDArray[Any] = np.take_along_axis(np.stack([values(s) for s in looks]), best[None], axis=0)[0]
        return of

    readings = [s.readings for s in looks if s.readings is not None]
    return Proposals(
        share=share,
        classifier=of_best(lambda s: s.classifier),
        vote=of_best(lambda s: s.vote),
        similarity=of_best(lambda s: s.similarity),
        vector_id=of_best(lambda s: s.vector_id),
        trial=best,
        samplings=tuple(s.sampling for s in looks),
        readings=tuple(readings) or None,
    )


def _none_unheard(share: Floats, untrained: NDArray[np.bool_]) -> Floats:
    """Return shares (n, groups) that sum to one: what the network never learnt it cannot rule out.

    A group that it was not trained on has the share of a group of which nothing is known, or more. Groups that are not
    considered have none.
    """
    share = share / share.sum(axis=1, keepdims=True)
    even = 1 / np.count_nonzero(share, axis=1, keepdims=True)
    share = np.where(untrained & (share > 0), np.maximum(share, even), share)
    return np.asarray(share / share.sum(axis=1, keepdims=True))


def propose(index: SearchIndex, image: Tensor, pixel_size_angstrom: float | None) -> Proposal:
    """Ask the network about one bright-particle image (h, w), in every sampling that may fit."""
    return propose_together(index, image[None], pixel_size_angstrom).of(index, 0)
