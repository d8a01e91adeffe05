"""`emsearch denoise` and `train-denoiser`: what they write, and what they refuse."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest
import torch
from PIL import Image

from emsearch.denoising.unet import DenoisingNetwork
from emsearch.denoising.weights import Denoiser, load_denoiser, save_denoiser
from emsearch.imaging.stack_files import write_stack

GUESS = "A model's guess"


@pytest.fixture
def weights(tmp_path: Path) -> str:
    torch.manual_seed(0)
    path = tmp_path / "weights.safetensors"
    save_denoiser(path, Denoiser(DenoisingNetwork(8), "l1", 10, (), (4.5,), 64))
    return str(path)


@pytest.fixture
def stack(tmp_path: Path) -> str:
    images = np.random.default_rng(0).standard_normal((3, 50, 50)).astype(np.float32)
    path = tmp_path / "particles.mrcs"
    write_stack(path, images, 4.5, star=None, metadata={})
    return str(path)


def test_a_stack_keeps_its_box_and_pixel_size(
    run: Callable[..., Any], weights: str, stack: str, tmp_path: Path
) -> None:
    out = tmp_path / "out.mrcs"
    outcome = run("denoise", stack, "-o", str(out), "--weights", weights, "-f", "json")
    assert outcome.code == 0, outcome.err
    rows = json.loads(outcome.out)
    assert [row["image"] for row in rows] == [f"{k}@particles.mrcs" for k in (1, 2, 3)]
    assert GUESS in outcome.err
    with mrcfile.open(out) as file:
        assert file.data.shape == (3, 50, 50)
        assert float(file.voxel_size.x) == pytest.approx(4.5)
        assert any(GUESS in label for label in file.get_labels())


def test_one_image_goes_into_a_png(run: Callable[..., Any], weights: str, stack: str, tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    outcome = run("denoise", f"2@{stack}", "-o", str(out), "--weights", weights)
    assert outcome.code == 0, outcome.err
    with Image.open(out) as picture:
        assert picture.size == (50, 50)
        assert GUESS in picture.info["Description"]


def test_what_cannot_be_done_is_refused_before_it_is_tried(
    run: Callable[..., Any], weights: str, stack: str, tmp_path: Path
) -> None:
    cases = [
        (stack, tmp_path / "out.png", (), 2, "3 images do not go into one PNG"),
        (stack, tmp_path / "out.jpg", (), 2, "neither .mrcs, .mrc nor .png"),
        (stack, tmp_path / "none" / "out.mrcs", (), 2, "there is no folder"),
        (str(tmp_path / "none.mrcs"), tmp_path / "out.mrcs", (), 3, "none.mrcs"),
        (stack, tmp_path / "out.mrcs", ("--weights", stack), 3, "cannot be read as safetensors"),
        (stack, tmp_path / "out.mrcs", ("--pixel-size", "0"), 3, "not a pixel size"),
    ]
    for source, out, more, code, said in cases:
        given = more if "--weights" in more else (*more, "--weights", weights)
        outcome = run("denoise", source, "-o", str(out), *given)
        assert outcome.code == code, outcome.err
        assert said in outcome.err
        assert not out.exists()


def test_training_by_one_command(
    run: Callable[..., Any], pooling_index: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("emsearch.search.engine.open_index", lambda path, *, device: pooling_index)
    few = ("--pairs", "4", "--batch", "2", "--width", "8", "--leave-out", "blob1", "--device", "cpu")
    outcome = run("train-denoiser", "-o", str(tmp_path / "run"), *few, "-f", "json")
    assert outcome.code == 0, outcome.err
    (row,) = json.loads(outcome.out)
    assert (row["groups"], row["left_out"]) == (4, 1)
    assert load_denoiser(Path(row["weights"])).left_out == ("G1",)
    outcome = run("train-denoiser", "-o", str(tmp_path / "run"), "--width", "12")
    assert outcome.code == 2
    assert "no multiple of 8" in outcome.err
