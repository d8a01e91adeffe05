from pathlib import Path

import pytest
import torch

from emsearch.network.checkpoint import load_weights, save_state
from emsearch.network.model import ShapeNetwork
from emsearch.network.parts import join_parts, split_state
from emsearch_index.errors import InputError


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("run") / "best.pt"
    save_state(path, {"average": ShapeNetwork(5, width=8).state_dict(), "step": 7})
    return path


def test_weights_come_back_whole(state: Path, tmp_path: Path) -> None:
    parts = split_state(state, tmp_path / "parts", part_bytes=15_000_000)
    assert [path.name for path in parts] == [f"weights-{k:02d}-of-04.part" for k in range(1, 5)]
    assert all(path.stat().st_size <= 15_000_000 for path in parts)
    join_parts(tmp_path / "parts", tmp_path / "weights.safetensors")
    found = load_weights(tmp_path / "weights.safetensors")
    wanted = torch.load(state, weights_only=True)["average"]
    for name, value in found.items():
        torch.testing.assert_close(value, wanted[name], atol=1e-3, rtol=1e-3)
    assert {n for n in wanted if not n.endswith("num_batches_tracked")} == set(found)


def test_a_missing_part_is_noticed(state: Path, tmp_path: Path) -> None:
    parts = split_state(state, tmp_path, part_bytes=20_000_000)
    parts[1].unlink()
    with pytest.raises(InputError, match="all parts of one set"):
        join_parts(tmp_path, tmp_path / "weights.safetensors")


def test_too_many_parts_are_refused(state: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="give larger parts"):
        split_state(state, tmp_path, part_bytes=1000)
