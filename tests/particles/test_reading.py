"""The reader as its callers see it, the process between included."""

from pathlib import Path

import mrcfile
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from emsearch.particles.errors import ImageError
from emsearch.particles.limits import ReadingLimits
from emsearch.particles.reading import check_image, read_images, validate_pixel_size

REAL_IMAGES = Path(__file__).resolve().parents[2] / ".." / "shared" / "real_images"


def stack_of(n: int) -> NDArray[np.float32]:
    """Return n random images of 20 x 24 px."""
    return np.random.default_rng(n).standard_normal((n, 20, 24)).astype(np.float32)


def test_every_field_of_a_stack(tmp_path: Path) -> None:
    data = stack_of(3)
    with mrcfile.new(tmp_path / "a.mrcs") as file:
        file.set_data(data)
        file.set_image_stack()
        file.voxel_size = 1.37
    stack = read_images(tmp_path / "a.mrcs")
    np.testing.assert_array_equal(stack.images, data)
    assert stack.images.dtype == np.float32
    assert (stack.path, stack.numbers, stack.format) == (str(tmp_path / "a.mrcs"), (1, 2, 3), "MRC")
    assert (stack.pixel_size_angstrom, stack.pixel_size_source) == (1.37, "MRC header")
    assert stack.notes == ()


@pytest.mark.parametrize("suffix", ["png", "tif", "jpg"])
def test_formats_without_pixel_size(tmp_path: Path, suffix: str) -> None:
    data = np.repeat(np.arange(0, 240, 8, dtype=np.uint8), 40).reshape(30, 40)
    Image.fromarray(data).convert("RGB").save(tmp_path / f"a.{suffix}")
    stack = read_images(str(tmp_path / f"a.{suffix}"))
    np.testing.assert_allclose(stack.images[0], data, atol=3)
    assert stack.format == {"png": "PNG", "tif": "TIFF", "jpg": "JPEG"}[suffix]
    assert (stack.pixel_size_angstrom, stack.pixel_size_source) == (None, "none")
    assert stack.notes == ("colour (RGB) turned into luminance",)


def test_one_image_of_a_stack(tmp_path: Path) -> None:
    data = stack_of(5)
    mrcfile.write(tmp_path / "a@b.mrcs", data)
    stack = read_images(f"000004@{tmp_path / 'a@b.mrcs'}")
    np.testing.assert_array_equal(stack.images, data[3:4])
    assert stack.numbers == (4,)
    assert stack.path == str(tmp_path / "a@b.mrcs")


def test_first_images_of_a_stack(tmp_path: Path) -> None:
    data = stack_of(5)
    mrcfile.write(tmp_path / "a.mrcs", data)
    stack = read_images(tmp_path / "a.mrcs", max_images=2)
    np.testing.assert_array_equal(stack.images, data[:2])
    assert stack.numbers == (1, 2)
    assert len(read_images(tmp_path / "a.mrcs", max_images=9).images) == 5


def test_suffix_does_not_matter(tmp_path: Path) -> None:
    Image.fromarray(np.eye(20, dtype=np.uint8)).save(tmp_path / "a.png")
    (tmp_path / "a.png").rename(tmp_path / "a.mrc")
    assert read_images(tmp_path / "a.mrc").format == "PNG"


def test_bad_images_can_be_left_to_the_caller(tmp_path: Path) -> None:
    data = stack_of(3)
    data[1] = 0
    mrcfile.write(tmp_path / "a.mrcs", data)
    with pytest.raises(ImageError, match=r"^2@.*no contrast"):
        read_images(tmp_path / "a.mrcs")
    stack = read_images(tmp_path / "a.mrcs", check=False)
    check_image(stack.images[0], "first")
    with pytest.raises(ImageError, match=r"^second has no contrast"):
        check_image(stack.images[1], "second")


@pytest.mark.parametrize("value", [0.01, 1.0, 100.0])
def test_pixel_sizes_that_can_be(value: float) -> None:
    assert validate_pixel_size(value) == value


@pytest.mark.parametrize("value", [0.0, -1.0, 100.1, float("nan"), float("inf"), float("-inf")])
def test_pixel_sizes_that_cannot_be(value: float) -> None:
    with pytest.raises(ImageError, match=r"--pixel-size"):
        validate_pixel_size(value)


@pytest.mark.parametrize(
    ("name", "count", "side", "pixel_size"),
    [
        ("bgal_himena", 15, 198, 1.130),
        ("SLICEM_60S", 40, 96, 4.3),
        ("tiltpair_untilted", 80, 64, None),
        ("tiltpair_stack_tilt", 14, 80, None),
    ],
)
def test_real_stacks(name: str, count: int, side: int, pixel_size: float | None) -> None:
    path = REAL_IMAGES / f"{name}.mrcs"
    if not path.exists():
        pytest.skip(f"{path} not there")
    stack = read_images(path)
    assert stack.images.shape == (count, side, side)
    if pixel_size is None:
        assert stack.pixel_size_angstrom is None
    else:
        assert stack.pixel_size_angstrom == pytest.approx(pixel_size, abs=1e-3)
    with mrcfile.open(path) as file:
        np.testing.assert_array_equal(stack.images, file.data)


def test_limits_are_handed_on(tmp_path: Path) -> None:
    mrcfile.write(tmp_path / "a.mrcs", stack_of(4))
    with pytest.raises(ImageError, match="name one of them as N@FILE"):
        read_images(tmp_path / "a.mrcs", limits=ReadingLimits(total_px=1000))
    assert len(read_images(f"2@{tmp_path / 'a.mrcs'}", limits=ReadingLimits(total_px=1000)).images) == 1
