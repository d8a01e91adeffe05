"""LIME, SHAP, and the segments that they take away."""

import numpy as np
import pytest
import torch
from torch import Tensor

from emsearch.explanation.perturbing import Perturbing, background_of, lime_map, shap_map
from emsearch.explanation.segments import segment

BOX = 32
FEW = Perturbing(segments=12, lime_samples=80, shap_orders=6, seed=2)


@pytest.fixture(scope="module")
def image() -> Tensor:
    axis = torch.arange(BOX) - BOX // 2
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    return torch.exp(-((x - 5) ** 2 + (y + 4) ** 2) / 20.0)


def right_half(images: Tensor) -> Tensor:
    """Score the light in the right half, doubled where there is much of it."""
    light = images[:, :, BOX // 2 :].sum((1, 2))
    return light + 0.01 * light**2


def test_segments_are_numbered_and_cover_the_disc(image: Tensor) -> None:
    label = segment(image.numpy(), 12, 0)
    assert sorted(np.unique(label)) == list(range(label.max() + 1)) and 10 <= label.max() <= 12
    assert label[0, 0] == label[-1, -1] == label.max()
    np.testing.assert_array_equal(label, segment(image.numpy(), 12, 0))


def test_shapley_values_sum_to_what_the_image_has_over_the_empty_one(image: Tensor) -> None:
    empty = background_of(image, BOX / 2)
    found = shap_map(right_half, image, empty, FEW)
    whole = float(right_half(image[None]) - right_half(empty[None]))
    assert found.sum() == pytest.approx(whole, rel=1e-4)


@pytest.mark.parametrize("method", [lime_map, shap_map])
def test_both_find_the_half_that_counts_and_repeat_themselves(image: Tensor, method: object) -> None:
    empty = background_of(image, BOX / 2)
    found = method(right_half, image, empty, FEW)  # type: ignore[operator]
    assert np.isfinite(found).all()
    assert found[:, BOX // 2 :].sum() > 5 * abs(found[:, : BOX // 2].sum())
    state = torch.get_rng_state()
    np.testing.assert_array_equal(found, method(right_half, image, empty, FEW))  # type: ignore[operator]
    assert torch.equal(state, torch.get_rng_state())  # the caller's random numbers are left alone
    other = Perturbing(FEW.segments, FEW.lime_samples, FEW.shap_orders, seed=3)
    assert not np.array_equal(found, method(right_half, image, empty, other))  # type: ignore[operator]
