"""Images as the network sees them in one size class: in every sampling that may fit, the groups of that class."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from emsearch.network.quantities import Readings, read
from emsearch.search.engine import SearchIndex
from emsearch.search.framing import ClassRange, Sampling, samplings
from emsearch.search.prepare import centre_of_particle_px, frame
from emsearch.search.size_class import filling
from emsearch.search.vote import NOT_NEAR

__all__ = ["COPIES", "Look", "look"]

COPIES = 2
"""Each sampling of an image is embedded as it stands and about the estimated centre of its particle."""

_FRAMED_AT_ONCE = 4096  # copies of images, so that memory stays bounded where many samplings are tried
_LARGEST_OVER_IMAGE = (
    1.2  # a molecule seen along its length may be longer than its picture is wide, but not by much
)
_UNVOTED = 0.05  # of the votes: a group without a near view is not ruled out by that
_LEAST_SHARE = 1e-6  # of a size class: groups below are not considered

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """One sampling of n images of which nothing else is known, arrays (n, groups) unless they say otherwise.

    ``share`` is what ``classifier`` and ``vote`` (each a share within the size class) say together, 0 for a group that is
    not considered; ``similarity`` and ``vector_id`` are those of the nearest view. ``embedding`` (n, width) is the mean
    of the copies', ``filling`` how many groups of the class fill the picture. ``readings`` are what the head for quantities
    reads, None where the index has no head.
    """

    sampling: Sampling
    share: Floats
    classifier: Floats
    vote: Floats
    similarity: Floats
    vector_id: NDArray[np.int64]
    embedding: Floats
    filling: int
    readings: Readings | None

    @property
    def nearest(self) -> Floats:
        """The cosine of the nearest view of all (n,)."""
        return np.asarray(self.similarity.max(axis=1))


def look(index: SearchIndex, images: Tensor, pixel_size_angstrom: float | None) -> list[Look]:
    """Look at bright-particle images (n, h, w) of one pixel size in every sampling that may fit."""
    side_px = min(images.shape[1:])
    trials = samplings(_class_ranges(index), side_px, pixel_size_angstrom)
    at_once = max(1, _FRAMED_AT_ONCE // (COPIES * len(trials)))
    seen = [_embed(index, some, trials) for some in images.split(at_once)]
    embeddings = torch.cat([embedding for embedding, _ in seen], dim=1)
    readings = _joined([of for _, of in seen])
    allowed = _groups_that_fit(index, trials, side_px)
    return [
        _look(index, s, embeddings[k], allowed[k], side_px, None if readings is None else readings[k])
        for k, s in enumerate(trials)
    ]


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


def _look(
    index: SearchIndex,
    sampling: Sampling,
    embedding: Tensor,
    allowed: NDArray[np.bool_],
    side_px: int,
    readings: Readings | None,
) -> Look:
    size_class = index.classes[sampling.size_class]
    votes = index.vote(embedding, size_class, COPIES)
    by_copy = index.classify(embedding, size_class)
    classifier = by_copy.reshape(-1, COPIES, by_copy.shape[1]).mean(1)
    share = _together(classifier, votes.share)
    considered = allowed & (share > _LEAST_SHARE)
    return Look(
        sampling=sampling,
        share=np.where(considered, share, 0.0),
        classifier=classifier,
        vote=votes.share,
        similarity=np.where(considered, votes.similarity, NOT_NEAR),
        vector_id=votes.vector_id,
        embedding=embedding.view(-1, COPIES, embedding.shape[1]).mean(1).double().numpy(),
        filling=filling(index.extents_of(sampling.size_class), side_px * sampling.image_pixel_size_angstrom),
        readings=readings,
    )


def _joined(parts: Sequence[list[Readings] | None]) -> list[Readings] | None:
    """Return, for each sampling, the readings of all images."""
    there = [part for part in parts if part is not None]
    return [Readings.together(of_sampling) for of_sampling in zip(*there, strict=True)] or None
