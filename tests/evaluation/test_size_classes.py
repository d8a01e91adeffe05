import numpy as np
from numpy.typing import NDArray

from emsearch.evaluation.size_classes import Examples, boxed_images, fit_examples, fit_size_classes
from emsearch.search.engine import SearchIndex
from emsearch.search.size_class import SizeClassModel


def examples(n: int, seed: int) -> Examples:
    """Two classes whose right images look to the left in their own embedding; a third that no picture has room for."""
    rng = np.random.default_rng(seed)
    features = rng.normal(0, 0.3, (n, 3, 4))
    right = rng.integers(0, 2, n)
    features[np.arange(n), right, 2] += 1.0
    there = np.tile([True, True, False], (n, 1))
    return Examples(features, there, right)


def chosen(model: SizeClassModel, seen: Examples) -> NDArray[np.int64]:
    odds = [
        model.log_odds(c, seen.features[:, c, 2:], seen.features[:, c, 0], 1)
        + model.room * seen.features[:, c, 1]
        for c in (0, 1)
    ]
    return np.asarray(np.argmax(odds, axis=0))


def test_the_embedding_tells_classes_apart() -> None:
    model = fit_examples(examples(2000, 0))
    unseen = examples(500, 1)
    assert (chosen(model, unseen) == unseen.right).mean() > 0.9
    assert (chosen(SizeClassModel(), unseen) == unseen.right).mean() < 0.6


def test_an_index_of_one_class_needs_no_fit(pooling_index: SearchIndex) -> None:
    assert fit_size_classes(pooling_index, 10, 0).direction is None


def test_boxes_hold_their_molecules_and_share_a_pixel_size(pooling_index: SearchIndex) -> None:
    drawn = list(boxed_images(pooling_index, 40, 3))
    assert sum(len(some.group) for some in drawn) == 40
    for some in drawn:
        side = some.pixel_size_angstrom * some.images.shape[-1]
        extent = np.array([pooling_index.groups[g].dmax_angstrom for g in some.group.tolist()])
        assert np.all((side / extent > 1.04) & (side / extent < 4.01))
        assert len(some.images) == len(some.group) == len(some.snr)
