"""What is not opened at all, and what is stopped while it is decoded."""

import os
import struct
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from emsearch.particles.errors import ImageError
from emsearch.particles.limits import ReadingLimits
from emsearch.particles.reading import read_images

NOISE = np.random.default_rng(3).integers(0, 255, (64, 64), dtype=np.uint8)


def mrc_header(count: int) -> bytes:
    """Return the header of a float32 stack of 64 x 64 px."""
    head = bytearray(1024)
    struct.pack_into("<4i", head, 0, 64, 64, count, 2)
    head[208:214] = b"MAP DD"
    return bytes(head)


def _directory(path: Path) -> None:
    path.mkdir()


def _broken_link(path: Path) -> None:
    path.symlink_to(path.parent / "nowhere")


def _link_to_itself(path: Path) -> None:
    path.symlink_to(path)


def _link_to_a_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda path: None, "does not exist"),
        (_directory, "is a folder"),
        (os.mkfifo, "is a pipe or device"),
        (_link_to_a_device, "is a pipe or device"),
        (_broken_link, "does not exist"),
        (_link_to_itself, "cannot be opened"),
    ],
)
def test_paths_that_are_no_file(tmp_path: Path, make: Callable[[Path], None], problem: str) -> None:
    make(tmp_path / "a.png")
    with pytest.raises(ImageError, match=f"^{tmp_path / 'a.png'} {problem}"):
        read_images(tmp_path / "a.png")


def test_files_beyond_the_limit_are_not_opened(tmp_path: Path) -> None:
    with (tmp_path / "a.mrcs").open("wb") as file:
        file.truncate(65 * 2**30)  # sparse
    with pytest.raises(ImageError, match="split the stack"):
        read_images(tmp_path / "a.mrcs")
    Image.fromarray(NOISE).save(tmp_path / "a.png")
    with pytest.raises(ImageError, match=r"is a PNG of [0-9]+ bytes, more than 100"):
        read_images(tmp_path / "a.png", limits=ReadingLimits(encoded_bytes=100))


def test_stack_too_large_to_read_at_once(tmp_path: Path) -> None:
    with (tmp_path / "a.mrcs").open("wb") as file:
        file.write(mrc_header(100_000))
        file.truncate(1024 + 100_000 * 64 * 64 * 4)  # sparse
    with pytest.raises(ImageError, match=r"holds 100000 images of 64 x 64 px.*name one of them as N@FILE"):
        read_images(tmp_path / "a.mrcs")


def test_decoder_is_stopped_by_the_clock(tmp_path: Path) -> None:
    Image.fromarray(NOISE).save(tmp_path / "a.png")
    with pytest.raises(ImageError, match=r"took more than 0\.001 s to decode"):
        read_images(tmp_path / "a.png", limits=ReadingLimits(wall_seconds=0.001))


def test_decoder_is_stopped_by_its_processor_time(tmp_path: Path) -> None:
    data = np.random.default_rng(0).integers(0, 255, (8000, 8000), dtype=np.uint8)
    page = Image.fromarray(data)
    page.save(tmp_path / "a.tif", save_all=True, append_images=[page, page], compression="tiff_lzw")
    with pytest.raises(ImageError, match="took more than 1 s of processor time"):
        read_images(tmp_path / "a.tif", limits=ReadingLimits(cpu_seconds=1))


@pytest.mark.skipif(sys.platform != "linux", reason="address space is limited on Linux only")
def test_decoder_is_stopped_by_its_memory(tmp_path: Path) -> None:
    data = np.random.default_rng(0).integers(0, 255, (4000, 4000), dtype=np.uint8)
    Image.fromarray(data).save(tmp_path / "a.tif")
    with pytest.raises(ImageError, match="memory"):
        read_images(tmp_path / "a.tif", limits=ReadingLimits(memory_bytes=160 * 2**20))
