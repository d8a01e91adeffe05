"""What each format's reader makes of files that independent programs wrote, without the process between."""

import struct
from pathlib import Path
from typing import Any, Literal

import mrcfile
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from emsearch.particles.decoding import open_image_file
from emsearch.particles.limits import ReadingLimits
from emsearch.particles.opened_file import OpenedFile, Request

LUMINANCE = np.array([0.299, 0.587, 0.114])
Order = Literal["<", ">"]
INTEGERS = [np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.int32, np.int64]
ALL_TYPES = [*INTEGERS, np.float16, np.float32, np.float64]


def decode(path: Path, number: int | None = None) -> tuple[OpenedFile, NDArray[Any]]:
    """Return what the file says it holds, and the images as decoded."""
    with path.open("rb") as file:
        opened = open_image_file(
            file, Request(None if number is None else (number,), None, path.stat().st_size, ReadingLimits())
        )
        images = np.stack([opened.decode(k) for k in opened.numbers])
    assert images.shape[1:] == (opened.height, opened.width)
    return opened, images


def pixels(dtype: Any, *shape: int) -> NDArray[Any]:
    """Return random pixels over most of the range of a type; 40 x 56 unless told."""
    rng = np.random.default_rng(7)
    shape = shape or (40, 56)
    if np.issubdtype(dtype, np.floating):
        return rng.normal(0, 3, shape).astype(dtype)
    limits = np.iinfo(dtype)
    low, high = max(int(limits.min), -(2**22)), min(int(limits.max), 2**22)  # exact in float32
    return rng.integers(low, high, shape, endpoint=True).astype(dtype)


def mrc_bytes(
    order: Order, mode: int, data: NDArray[Any], cell: float = 0.0, stamp: bytes | None = None
) -> bytes:
    """Pack an MRC2014 file by hand: order is ``<`` or ``>``."""
    n, height, width = data.shape
    head = bytearray(1024)
    struct.pack_into(order + "10i", head, 0, width, height, n, mode, 0, 0, 0, width, height, 1)
    struct.pack_into(order + "3f", head, 40, cell * width, cell * height, cell)
    head[208:212] = b"MAP "
    head[212:216] = stamp if stamp is not None else {"<": b"\x44\x44\0\0", ">": b"\x11\x11\0\0"}[order]
    return bytes(head) + data.astype(data.dtype.newbyteorder(order)).tobytes()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_grey_png(tmp_path: Path, dtype: Any) -> None:
    data = pixels(dtype)
    Image.fromarray(data).save(tmp_path / "a.png")
    opened, images = decode(tmp_path / "a.png")
    np.testing.assert_array_equal(images, data[None])
    assert (opened.format, opened.numbers, opened.notes) == ("PNG", range(1, 2), ())
    assert opened.pixel_size_angstrom is None


def test_one_bit_png(tmp_path: Path) -> None:
    data = pixels(np.uint8) > 128
    Image.fromarray(data).save(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.mode == "1"
    np.testing.assert_array_equal(decode(tmp_path / "a.png")[1][0] > 0, data)


def test_palette_png_is_looked_up(tmp_path: Path) -> None:
    index = pixels(np.uint8) % 4
    palette = np.array([[0, 0, 0], [255, 0, 0], [10, 200, 30], [90, 90, 90]], np.uint8)
    picture = Image.fromarray(index)
    picture.putpalette(palette.tobytes())
    picture.save(tmp_path / "a.png")
    opened, images = decode(tmp_path / "a.png")
    np.testing.assert_allclose(images[0], (palette @ LUMINANCE)[index], rtol=1e-5)
    assert opened.notes == ("colour (P) turned into luminance",)


@pytest.mark.parametrize(("bands", "word"), [(3, "RGB"), (4, "RGBA")])
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_colour_becomes_luminance(tmp_path: Path, bands: int, word: str, suffix: str) -> None:
    data = pixels(np.uint8, 40, 56, bands)
    Image.fromarray(data).save(tmp_path / f"a.{suffix}")
    opened, images = decode(tmp_path / f"a.{suffix}")
    np.testing.assert_allclose(images[0], data[..., :3] @ LUMINANCE, rtol=1e-5, atol=1e-4)
    (note,) = opened.notes
    assert note.startswith(f"colour ({word}) turned into luminance")
    assert ("transparency ignored" in note) == (bands == 4)


def test_grey_with_alpha(tmp_path: Path) -> None:
    data = pixels(np.uint8, 40, 56, 2)
    Image.fromarray(data, "LA").save(tmp_path / "a.png")
    opened, images = decode(tmp_path / "a.png")
    np.testing.assert_array_equal(images[0], data[..., 0])
    assert opened.notes == ("transparency ignored",)


def test_jpeg(tmp_path: Path) -> None:
    y, x = np.mgrid[:64, :80]
    data = (127 + 100 * np.sin(x / 9) * np.cos(y / 7)).astype(np.uint8)
    Image.fromarray(data).save(tmp_path / "a.jpg", quality=95)
    opened, images = decode(tmp_path / "a.jpg")
    assert opened.format == "JPEG"
    difference = np.abs(images[0].astype(float) - data)
    assert difference.max() < 12
    assert difference.mean() < 1.5


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("dtype", ALL_TYPES)
def test_tiff_types(tmp_path: Path, dtype: Any, order: Order) -> None:
    data = pixels(dtype)
    tifffile.imwrite(tmp_path / "a.tif", data, byteorder=order, photometric="minisblack")
    opened, images = decode(tmp_path / "a.tif")
    np.testing.assert_array_equal(images[0], data)
    assert opened.format == "TIFF"


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits", "raw"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_tiff_compressions_and_pages(tmp_path: Path, dtype: Any, compression: str) -> None:
    data = pixels(dtype, 3, 40, 56)
    first, *others = [Image.fromarray(page) for page in data]
    first.save(tmp_path / "a.tif", save_all=True, append_images=others, compression=compression)
    np.testing.assert_array_equal(decode(tmp_path / "a.tif")[1], data)
    third, images = decode(tmp_path / "a.tif", 3)
    np.testing.assert_array_equal(images, data[2:])
    assert third.numbers == (3,)


def test_bigtiff_and_tiles(tmp_path: Path) -> None:
    data = pixels(np.uint16, 70, 90)
    tifffile.imwrite(tmp_path / "a.tif", data, bigtiff=True, tile=(32, 32))
    np.testing.assert_array_equal(decode(tmp_path / "a.tif")[1][0], data)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_white_is_zero_is_turned_round(tmp_path: Path, dtype: Any) -> None:
    data = pixels(dtype)
    tifffile.imwrite(tmp_path / "a.tif", data, photometric="miniswhite")
    image = decode(tmp_path / "a.tif")[1][0].astype(np.float64)
    assert np.corrcoef(image.ravel(), data.ravel())[0, 1] == pytest.approx(-1)


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.float32, np.uint16, np.float16])
def test_mrc_modes_written_by_mrcfile(tmp_path: Path, dtype: Any) -> None:
    data = pixels(dtype, 3, 40, 56)
    with mrcfile.new(tmp_path / "a.mrcs") as file:
        file.set_data(data)
        file.set_image_stack()
        file.voxel_size = 1.37
    opened, images = decode(tmp_path / "a.mrcs")
    np.testing.assert_array_equal(images, data.astype(np.float32))
    assert (opened.format, opened.numbers, opened.notes) == ("MRC", range(1, 4), ())
    assert opened.pixel_size_angstrom == 1.37


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("stamp", [None, b"\0\0\0\0"])
@pytest.mark.parametrize(
    ("mode", "dtype"), [(0, np.int8), (1, np.int16), (2, np.float32), (6, np.uint16), (12, np.float16)]
)
def test_mrc_byte_orders_packed_by_hand(
    tmp_path: Path, order: Order, stamp: bytes | None, mode: int, dtype: Any
) -> None:
    data = pixels(dtype, 2, 20, 24)
    (tmp_path / "a.mrc").write_bytes(mrc_bytes(order, mode, data, cell=2.5, stamp=stamp))
    opened, images = decode(tmp_path / "a.mrc")
    np.testing.assert_array_equal(images, data.astype(np.float32))
    assert opened.pixel_size_angstrom == 2.5
    assert any("machine stamp" in note for note in opened.notes) == (stamp is not None)


def test_single_mrc_image_and_volume(tmp_path: Path) -> None:
    image, volume = pixels(np.float32), pixels(np.float32, 20, 20, 20)
    mrcfile.write(tmp_path / "image.mrc", image)
    mrcfile.write(tmp_path / "volume.mrc", volume)
    np.testing.assert_array_equal(decode(tmp_path / "image.mrc")[1], image[None])
    np.testing.assert_array_equal(decode(tmp_path / "volume.mrc")[1], volume)


def test_extended_header_is_skipped(tmp_path: Path) -> None:
    data = pixels(np.float32, 2, 20, 24)
    with mrcfile.new(tmp_path / "a.mrcs") as file:
        file.set_data(data)
        file.set_extended_header(np.arange(1024, dtype=np.uint8))
    np.testing.assert_array_equal(decode(tmp_path / "a.mrcs")[1], data)


def test_bytes_after_the_last_image_are_noted(tmp_path: Path) -> None:
    data = pixels(np.float32, 1, 20, 24)
    (tmp_path / "a.mrc").write_bytes(mrc_bytes("<", 2, data) + b"12345")
    assert decode(tmp_path / "a.mrc")[0].notes == ("5 bytes after the last image were ignored",)


@pytest.mark.parametrize("cell", [float("nan"), float("inf"), -1.0, 101.0, 1e-30])
def test_senseless_pixel_size_is_not_used(tmp_path: Path, cell: float) -> None:
    (tmp_path / "a.mrc").write_bytes(mrc_bytes("<", 2, pixels(np.float32, 1, 20, 24), cell=cell))
    opened, _ = decode(tmp_path / "a.mrc")
    assert opened.pixel_size_angstrom is None
    assert "makes no sense" in opened.notes[0]


@pytest.mark.parametrize(("offset", "kind", "value"), [(28, "i", 0), (32, "i", -3), (44, "f", 7.0)])
def test_pixel_that_is_not_square_is_not_used(tmp_path: Path, offset: int, kind: str, value: float) -> None:
    content = bytearray(mrc_bytes("<", 2, pixels(np.float32, 1, 20, 24), cell=2.0))
    struct.pack_into("<" + kind, content, offset, value)
    (tmp_path / "a.mrc").write_bytes(content)
    opened, _ = decode(tmp_path / "a.mrc")
    assert opened.pixel_size_angstrom is None
    assert "makes no sense" in opened.notes[0]
