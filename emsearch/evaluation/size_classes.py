"""Fitting the judgement of which size class a picture shows, on simulated images in boxes of every size."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import logsumexp
from torch import Tensor

from emsearch.imaging.parameters import ParameterRanges
from emsearch.search.engine import SearchIndex
from emsearch.search.looking import Look, look
from emsearch.search.size_class import SizeClassModel

__all__ = ["BoxedImages", "Examples", "boxed_images", "fit_examples", "fit_size_classes"]

_TOGETHER = 32  # images of one box
_BOX_PX = 128
_BOX_OVER_DMAX = (1.05, 4.0)
_LOG_SNR = (0.05, 20.0)
_RIDGE = 1e-4
_ABSENT = -1e9  # log-odds of a class that a picture has no room for

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class BoxedImages:
    """Images (n, box, box) of one pixel size, particle bright, of groups (n,) of the index, with their SNR (n,)."""

    images: Tensor
    pixel_size_angstrom: float
    group: NDArray[np.int64]
    snr: NDArray[np.float32]


def boxed_images(index: SearchIndex, images: int, seed: int) -> Iterator[BoxedImages]:
    """Draw images with every nuisance, some of each box; boxes are of all sizes and their groups all that fill them."""
    rng = np.random.default_rng((seed, 19))
    extent = np.array([group.dmax_angstrom for group in index.groups])
    low, high = _BOX_OVER_DMAX[0] * extent.min(), _BOX_OVER_DMAX[1] * extent.max()
    drawn = 0
    while drawn < images:
        side = float(np.exp(rng.uniform(np.log(low), np.log(high))))
        groups = np.flatnonzero((side >= _BOX_OVER_DMAX[0] * extent) & (side <= _BOX_OVER_DMAX[1] * extent))
        if not len(groups):
            continue
        count = min(_TOGETHER, images - drawn)
        group = rng.choice(groups, count)
        names = [str(rng.choice(index.groups[g].members)) for g in group.tolist()]
        parameters = replace(ParameterRanges(), log_snr=_LOG_SNR).sample(rng, count, np.full(count, side))
        own = list(dict.fromkeys(names))
        shown, pixel = np.array([own.index(name) for name in names]), side / _BOX_PX
        shot = index.simulator(own).micrographs(
            shown, parameters, np.full(count, pixel), _BOX_PX, seed + drawn
        )
        yield BoxedImages(shot.micrographs.cpu(), pixel, group, parameters.snr)
        drawn += count


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """What c classes look like in n images.

    ``features`` (n, c, 2 + width) are the cosine of the nearest view, the logarithm of how many groups fill the picture, and
    the embedding; ``there`` (n, c) are the classes that the picture has room for, ``right`` (n,) is the right one.
    """

    features: Floats
    there: NDArray[np.bool_]
    right: NDArray[np.int64]


def fit_size_classes(
    index: SearchIndex, images: int, seed: int, report: Callable[[str], None] = lambda line: None
) -> SizeClassModel:
    """Fit the model by maximum likelihood; an index of one class needs none."""
    if len(index.classes) < 2:
        return SizeClassModel()
    parts = []
    for some in boxed_images(index, images, seed):
        parts.append(_examples(index, some))
    report(f"size classes: {images:,} images")
    return fit_examples(_together(parts))


def _examples(index: SearchIndex, some: BoxedImages) -> Examples:
    name = {c.name: k for k, c in enumerate(index.classes)}
    right = np.array([name[index.groups[g].size_class] for g in some.group.tolist()], np.int64)
    looks = look(index, some.images, some.pixel_size_angstrom)
    features = np.zeros((len(right), len(index.classes), looks[0].embedding.shape[1] + 2))
    there = np.zeros((len(right), len(index.classes)), np.bool_)
    for seen in looks:
        features[:, seen.sampling.size_class] = _features(seen)
        there[:, seen.sampling.size_class] = True
    kept = there[np.arange(len(right)), right]
    return Examples(features[kept], there[kept], right[kept])


def _features(seen: Look) -> Floats:
    room = np.full(len(seen.embedding), np.log(max(seen.filling, 0.5)))
    return np.column_stack([seen.nearest, room, seen.embedding])


def _together(parts: Sequence[Examples]) -> Examples:
    return Examples(
        *(np.concatenate([getattr(p, name) for p in parts]) for name in ("features", "there", "right"))
    )


def fit_examples(examples: Examples) -> SizeClassModel:
    """Fit the model to examples: maximum likelihood, with a ridge on what belongs to one class alone."""
    images, classes, width = examples.features.shape
    wanted = np.zeros((images, classes))
    wanted[np.arange(images), examples.right] = 1.0

    def cost(weights: Floats) -> tuple[float, Floats]:
        shared, own = weights[:2], weights[2:].reshape(classes, width - 1)
        log_odds = examples.features[..., :2] @ shared + own[:, 0]
        log_odds += np.einsum("ncf,cf->nc", examples.features[..., 2:], own[:, 1:])
        log_odds = np.where(examples.there, log_odds, _ABSENT)
        log_share = log_odds - logsumexp(log_odds, axis=1, keepdims=True)
        excess = (np.exp(log_share) - wanted) / images
        of_own = np.column_stack([excess.sum(0), np.einsum("nc,ncf->cf", excess, examples.features[..., 2:])])
        of_shared = np.einsum("nc,ncf->f", excess, examples.features[..., :2])
        surprise = -float(log_share[np.arange(images), examples.right].mean())
        gradient = np.concatenate([of_shared, (of_own + 2 * _RIDGE * own).ravel()])
        return surprise + _RIDGE * float(np.square(own).sum()), gradient

    start = SizeClassModel()
    first = np.concatenate([[start.nearness, start.room], np.zeros(classes * (width - 1))])
    found = minimize(cost, first, jac=True, method="L-BFGS-B", options={"maxiter": 2000}).x
    own = found[2:].reshape(classes, width - 1)
    return SizeClassModel(own[:, 0], own[:, 1:], float(found[0]), float(found[1]))
