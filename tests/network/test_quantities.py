"""The head that reads quantities off features: what it learns, how wide its intervals are, and its file."""

from pathlib import Path

import numpy as np
import torch

from emsearch.network.quantities import INTERVAL, fit_head, load_head, save_head, to_pixels
from emsearch.network.resnet import FEATURES

IMAGES = 1500


def examples(seed: int) -> tuple[torch.Tensor, np.ndarray]:
    """Return features of which a few numbers tell the quantities, with noise."""
    rng = np.random.default_rng(seed)
    known = rng.normal(size=(IMAGES, 5))
    mixing = np.random.default_rng(0).normal(size=(5, FEATURES))
    features = known @ mixing + 0.5 * rng.normal(size=(IMAGES, FEATURES))
    return torch.from_numpy(features).float(), known * 0.3 + [6.0, 3.6, 2.4, 2.2, 0.7]


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


def test_quantities_scale_with_the_pixel() -> None:
    small = to_pixels(np.array([[100.0, 80.0, 20.0, 15.0, 0.5]]), np.array([2.0]))
    large = to_pixels(np.array([[800.0, 160.0, 40.0, 30.0, 0.5]]), np.array([4.0]))
    np.testing.assert_allclose(small, large)
