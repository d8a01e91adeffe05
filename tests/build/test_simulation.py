import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest
from gemmi import cif

from emsearch.build import simulate_file
from emsearch.shapes.size_classes import make_size_classes
from emsearch_index.errors import IndexMissingError, InputError, UsageError


@pytest.fixture(scope="module")
def particle(tmp_path_factory: pytest.TempPathFactory, compose_mmcif: Callable[[int], str]) -> Path:
    path = tmp_path_factory.mktemp("particle") / "1sim.cif"
    path.write_text(compose_mmcif(1), encoding="utf-8")
    return path


def _stack(path: Path) -> tuple[Any, float]:
    with mrcfile.open(path) as file:
        return file.data.copy(), float(file.voxel_size.x)


def _column(star: Path, block: str, name: str) -> list[str]:
    return list(cif.read(str(star)).find_block(block).find_values(f"_{name}"))


def test_a_file_becomes_a_stack_with_its_truth(particle: Path, tmp_path: Path) -> None:
    out = simulate_file(str(particle), tmp_path / "s.mrcs", images=5, snr=2.0, modality="cryo", seed=3)
    images, pixel = _stack(out)
    size_class = make_size_classes(100.0)[0]
    assert images.shape == (5, size_class.box_px, size_class.box_px)
    assert pixel == pytest.approx(size_class.pixel_size_angstrom)
    star = tmp_path / "s.star"
    assert _column(star, "particles", "rlnImageName")[0] == "000001@s.mrcs"
    assert set(_column(star, "particles", "emsStructure")) == {"1sim"}
    assert {float(value) for value in _column(star, "particles", "emsSnr")} == {2.0}
    defocus = [float(value) for value in _column(star, "particles", "rlnDefocusU")]
    assert all(5_000 <= value <= 30_000 for value in defocus)
    assert _column(star, "optics", "rlnVoltage") == ["300"]


def test_seed_and_modality_decide_the_images(particle: Path, tmp_path: Path) -> None:
    def images(name: str, seed: int, modality: str = "stain") -> Any:
        out = tmp_path / f"{name}.mrcs"
        simulate_file(str(particle), out, images=3, snr=1.0, modality=modality, seed=seed, box_px=32)
        return _stack(out)[0]

    first = images("a", 1)
    np.testing.assert_array_equal(first, images("b", 1))
    assert not np.allclose(first, images("c", 2))
    assert not np.allclose(first, images("d", 1, "cryo"))


def test_noise_is_as_strong_as_asked(particle: Path, tmp_path: Path) -> None:
    stacks = {}
    for snr in (0.01, math.inf):
        out = tmp_path / f"{snr}.mrcs"
        simulate_file(str(particle), out, images=20, snr=snr, modality="cryo", seed=1)
        stacks[snr] = _stack(out)[0]
    noise = (stacks[0.01] - stacks[math.inf]).std()
    assert noise == pytest.approx(10.0, rel=0.1)  # in units of the signal's standard deviation


def test_one_of_pixel_size_and_box_keeps_the_field_of_view(particle: Path, tmp_path: Path) -> None:
    size_class = make_size_classes(100.0)[0]
    field = size_class.pixel_size_angstrom * size_class.box_px
    out = tmp_path / "s.mrcs"
    common: dict[str, Any] = {"images": 2, "snr": 1.0, "modality": "stain"}
    simulate_file(str(particle), out, pixel_size_angstrom=5.0, **common)
    images, pixel = _stack(out)
    assert pixel == pytest.approx(5.0) and field <= 5.0 * images.shape[1] <= field + 10.0
    simulate_file(str(particle), out, box_px=100, **common)
    images, pixel = _stack(out)
    assert images.shape[1:] == (100, 100) and pixel == pytest.approx(field / 100)


def test_an_entry_of_an_index_is_found_by_its_id(built: tuple[Path, Path], tmp_path: Path) -> None:
    shutil.copytree(built[1], tmp_path / "index", ignore=shutil.ignore_patterns("work"))
    common: dict[str, Any] = {"images": 2, "snr": 1.0, "modality": "stain", "index_dir": tmp_path / "index"}
    images, _ = _stack(simulate_file("1AAA", tmp_path / "s.mrcs", **common))
    assert images.shape == (2, 32, 32)
    assert _column(tmp_path / "s.star", "particles", "emsStructure") == ["1aaa", "1aaa"]
    with pytest.raises(UsageError, match="9zzz"):
        simulate_file("9zzz", tmp_path / "s.mrcs", **common)


@pytest.mark.parametrize(
    "wrong",
    [
        {"images": 0},
        {"snr": 0.0},
        {"snr": math.nan},
        {"modality": "x-ray"},
        {"pixel_size_angstrom": 0.0},
        {"pixel_size_angstrom": math.nan},
        {"pixel_size_angstrom": 0.01},
        {"box_px": 4},
        {"seed": -1},
    ],
)
def test_options_out_of_range_are_refused(particle: Path, tmp_path: Path, wrong: dict[str, Any]) -> None:
    options: dict[str, Any] = {"images": 1, "snr": 1.0, "modality": "stain", **wrong}
    with pytest.raises(UsageError):
        simulate_file(str(particle), tmp_path / "s.mrcs", **options)
    assert not list(tmp_path.iterdir())


def test_structures_and_places_that_are_not_there_are_refused(particle: Path, tmp_path: Path) -> None:
    common: dict[str, Any] = {"images": 1, "snr": 1.0, "modality": "stain", "index_dir": tmp_path / "none"}
    with pytest.raises(InputError, match=r"lost\.cif"):
        simulate_file("lost.cif", tmp_path / "s.mrcs", **common)
    with pytest.raises(IndexMissingError):
        simulate_file("1abc", tmp_path / "s.mrcs", **common)
    (tmp_path / "bad.cif").write_text("data_X\n")
    with pytest.raises(InputError, match=r"bad\.cif"):
        simulate_file(str(tmp_path / "bad.cif"), tmp_path / "s.mrcs", **common)
    for out in (tmp_path / "s.star", tmp_path / "nowhere" / "s.mrcs"):
        with pytest.raises(UsageError, match="stack"):
            simulate_file(str(particle), out, **common)
