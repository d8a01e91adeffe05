import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from emsearch.denoising.weights import Denoiser, load_denoiser, save_denoiser, shipped_weights
from emsearch_index.errors import InputError


def test_a_denoiser_comes_back_as_it_was(denoiser: Denoiser, tmp_path: Path) -> None:
    path = tmp_path / "denoiser.safetensors"
    save_denoiser(path, denoiser)
    again = load_denoiser(path)
    assert (again.variant, again.pairs, again.left_out) == ("l1", 10, ("G1",))
    assert (again.pixel_sizes_angstrom, again.box_px) == ((4.5,), 64)
    images = torch.randn(1, 1, 64, 64)
    torch.testing.assert_close(again.network(images), denoiser.network(images), atol=5e-3, rtol=5e-2)


def test_another_file_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.safetensors"
    save_file({"weight": torch.zeros(1)}, other)
    with pytest.raises(InputError, match="holds no denoiser"):
        load_denoiser(other)
    other.write_bytes(b"nothing of the kind")
    with pytest.raises(InputError, match=f"{re.escape(str(other))} cannot be read as safetensors"):
        load_denoiser(other)


def test_what_ships_is_whole_and_small() -> None:
    path = shipped_weights()
    assert path.stat().st_size < 3_000_000
    assert load_denoiser(path).left_out
