"""The head that reads quantities off features: what it learns, how wide its intervals are, and its file."""

from pathlib import Path

import numpy as np
import torch

from emsearch.network.quantities import (
    INTERVAL,
    QuantityHead,
    fit_head,
    from_pixels,
    load_head,
    read,
    save_head,
    to_pixels,
)
from emsearch.network.resnet import FEATURES

IMAGES = 1500


def examples(seed: int) -> tuple[torch.Tensor, np.ndarray]:
    """Return features of which a few numbers tell the quantities, with noise."""
    rng = np.random.default_rng(seed)
    known = rng.normal(size=(IMAGES, 6))
    mixing = np.random.default_rng(0).normal(size=(6, FEATURES))
    features = known @ mixing + 0.5 * rng.normal(size=(IMAGES, FEATURES))
    return torch.from_numpy(features).float(), known * 0.3 + [6.0, 3.6, 2.4, 2.2, 0.7, 0.0]


def test_a_head_learns_quantities_and_how_far_it_is_off() -> None:
    features, target = examples(1)
    head = fit_head(features, target, np.arange(IMAGES) % 5 == 0)
    unseen, truth = examples(2)
    with torch.inference_mode():
        mean, half = head(unseen)
    off = np.abs(mean.numpy() - truth)
    assert np.median(off) < 0.1  # a spread of 0.3
    held = (off <= half.numpy()).mean(axis=0)
    assert np.all(np.abs(held - INTERVAL) < 0.06)


def test_a_head_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    features, target = examples(1)
    head = fit_head(features[:300], target[:300], np.arange(300) % 5 == 0)
    save_head(tmp_path / "head.safetensors", head)
    again = load_head(tmp_path / "head.safetensors")
    with torch.inference_mode():
        torch.testing.assert_close(again(features)[0], head(features)[0], rtol=0.0, atol=0.02)


def test_a_head_of_fewer_quantities_is_read_too(tmp_path: Path) -> None:
    save_head(tmp_path / "head.safetensors", QuantityHead(outputs=5))
    head = load_head(tmp_path / "head.safetensors")
    readings = read(head, torch.randn(6, FEATURES), copies=2)
    assert readings.mean.shape == readings.half.shape == (3, 5)
    assert from_pixels(readings.mean, np.full(3, 4.0)).shape == (3, 5)


def test_one_molecule_alone_can_be_fitted() -> None:
    features, target = examples(1)
    target[:, 0] = 6.0
    head = fit_head(features[:40], target[:40], np.arange(40) % 5 == 0)
    with torch.inference_mode():
        mean, half = head(features[:40])
    assert torch.isfinite(mean).all() and torch.isfinite(half).all()


def test_quantities_scale_with_the_pixel() -> None:
    small = to_pixels(np.array([[100.0, 80.0, 20.0, 15.0, 0.5, 0.1]]), np.array([2.0]))
    large = to_pixels(np.array([[800.0, 160.0, 40.0, 30.0, 0.5, 0.1]]), np.array([4.0]))
    np.testing.assert_allclose(small, large)
