"""Files that cannot be searched: each ends in one ImageError sentence, quickly and in little memory."""

import io
import struct
import tempfile
import zlib
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from emsearch.particles.decoding import open_image_file
from emsearch.particles.errors import ImageError
from emsearch.particles.limits import ReadingLimits
from emsearch.particles.opened_file import Request, UnusableFileError, check_side
from emsearch.particles.reading import check_image, read_images

NOISE = np.random.default_rng(3).integers(0, 255, (64, 64), dtype=np.uint8)
NOISE_FLOAT = NOISE.astype(np.float32)


def encoded(format: str, **options: Any) -> bytes:
    """Return 64 x 64 px of noise as Pillow writes them."""
    file = io.BytesIO()
    Image.fromarray(NOISE).save(file, format, **options)
    return file.getvalue()


def mrc(data: NDArray[Any] = NOISE_FLOAT, **fields: tuple[int, str, Any]) -> bytes:
    """Return an MRC file as mrcfile writes it, with header fields (offset, type, value) changed."""
    with tempfile.TemporaryDirectory() as folder:
        mrcfile.write(Path(folder) / "a.mrc", data)
        content = bytearray((Path(folder) / "a.mrc").read_bytes())
    for offset, kind, value in fields.values():
        struct.pack_into("<" + kind, content, offset, value)
    return bytes(content)


def tiff(data: NDArray[Any], **options: Any) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, data, **options)
    return file.getvalue()


def png_header(width: int, height: int) -> bytes:
    """Return a PNG that promises a size and holds next to nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">2I5B", width, height, 8, 0, 0, 0, 0)
    idat = zlib.compress(NOISE.tobytes()[:2000])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", idat) + chunk(b"IEND", b"")


def with_tag(tiff: bytes, tag: int, value: int) -> bytes:
    """Return a little-endian TIFF with the first value of one tag changed."""
    content = bytearray(tiff)
    (offset,) = struct.unpack_from("<I", content, 4)
    (count,) = struct.unpack_from("<H", content, offset)
    for entry in range(offset + 2, offset + 2 + 12 * count, 12):
        found, kind = struct.unpack_from("<2H", content, entry)
        if found == tag:
            struct.pack_into({3: "<H", 4: "<I"}[kind], content, entry + 8, value)
            return bytes(content)
    raise AssertionError(f"no tag {tag}")


PNG, JPEG = encoded("PNG"), encoded("JPEG")
DEFLATED, LZW = encoded("TIFF", compression="tiff_adobe_deflate"), encoded("TIFF", compression="tiff_lzw")

MALFORMED: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "is empty"),
    "text": (b"not an image at all\n" * 9, "is a text file"),
    "star": (b"data_particles\nloop_\n_rlnImageName #1\n", "is a text file"),
    "one byte": (b"\x89", "is not PNG, TIFF, JPEG, MRC"),
    "noise": (bytes(NOISE), "is not PNG, TIFF, JPEG, MRC"),
    "zeros": (bytes(5000), "is not PNG, TIFF, JPEG, MRC"),
    "gzip": (b"\x1f\x8b\x08" + bytes(100), "gzip"),
    "bzip2": (b"BZh9" + bytes(100), "bzip2"),
    "zip": (b"PK\x03\x04" + bytes(100), "zip archive"),
    "hdf5": (b"\x89HDF\r\n\x1a\n" + bytes(100), "HDF5"),
    "gif": (encoded("GIF"), "is not PNG, TIFF, JPEG, MRC"),
    "bmp": (encoded("BMP"), "is not PNG, TIFF, JPEG, MRC"),
    "eps": (encoded("EPS"), "is not PNG|is a text file"),
    "png signature only": (PNG[:8], "is a PNG whose header is damaged|cannot be decoded as PNG"),
    "png cut in the header": (PNG[:20], "is a PNG whose header is damaged|cannot be decoded as PNG"),
    "png cut in the pixels": (PNG[: len(PNG) // 2], "cannot be decoded as PNG"),
    "png with one byte flipped": (PNG[:900] + bytes([PNG[900] ^ 1]) + PNG[901:], "cannot be decoded as PNG"),
    "png with too few rows": (png_header(500, 500), "cannot be decoded as PNG"),
    "png of 20,000 px": (png_header(20000, 20000), "is 20000 x 20000 px, more than 8192 px a side"),
    "png of one long row": (png_header(9000, 16), "is 9000 x 16 px, more than 8192"),
    "png that inflates": (png_header(8000, 8000), "no real image compresses so well"),
    "png of 0 px": (png_header(0, 64), "is a PNG whose header is damaged|cannot be decoded as PNG"),
    "jpeg signature only": (JPEG[:3], "is a JPEG whose header is damaged|cannot be decoded as JPEG"),
    "jpeg cut in the pixels": (JPEG[: len(JPEG) // 2], "cannot be decoded as JPEG"),
    "tiff signature only": (b"II*\0", "cannot be decoded as TIFF"),
    "tiff without directory": (b"II*\0\xff\xff\0\0", "cannot be decoded as TIFF"),
    "tiff cut in the pixels": (LZW[: len(LZW) // 2], "cannot be decoded as TIFF"),
    "deflated tiff cut": (DEFLATED[: len(DEFLATED) - 400], "cannot be decoded as TIFF"),
    "plain tiff cut": (tiff(NOISE)[:-100], "cannot be decoded as TIFF"),
    "64-bit tiff cut": (tiff(NOISE.astype(np.float64))[:-100], "cannot be decoded as TIFF"),
    "tiff of 20,000 px": (with_tag(tiff(NOISE), 256, 20000), "is 20000 x 64 px, more than 8192"),
    "tiff promising rows": (with_tag(tiff(NOISE), 257, 8000), "cannot be decoded as TIFF"),
    "lzw tiff promising rows": (with_tag(LZW, 257, 8000), "cannot be decoded as TIFF"),
    "64-bit tiff promising rows": (
        with_tag(tiff(NOISE.astype(float)), 257, 8000),
        "cannot be decoded as TIFF",
    ),
    "tiff of 0 px": (with_tag(tiff(NOISE), 256, 0), "promises 0 x 64 px"),
    "tiff that inflates": (
        tiff(np.zeros((8192, 8192), np.uint8), compression="zlib", tile=(4096, 4096)),
        "no real image compresses so well",
    ),
    "wide tiff that inflates": (
        tiff(np.zeros((4096, 4096), np.float64), compression="zlib", tile=(4096, 4096)),
        "no real image compresses so well",
    ),
    "complex tiff": (tiff(NOISE.astype(np.complex64)), "complex64"),
    "tiff pages of several sizes": (b"", "several sizes"),
    "mrc header only begun": (mrc()[:600], "ends within the 1024 bytes"),
    "mrc header only": (mrc()[:1024], "is cut short"),
    "mrc cut in the pixels": (mrc()[:-1], "promises 17408 bytes, the file has 17407"),
    "mrc mode 3": (mrc(mode=(12, "i", 3)), "mode 3, a Fourier transform"),
    "mrc mode 4": (mrc(mode=(12, "i", 4)), "mode 4, a Fourier transform"),
    "mrc mode 102": (mrc(mode=(12, "i", 102)), "mode 102; modes 0, 1, 2, 6, 12, 101"),
    "mrc mode -1": (mrc(mode=(12, "i", -1)), "mode -1"),
    "mrc of 0 columns": (mrc(nx=(0, "i", 0)), "all three must be 1 or more"),
    "mrc of 0 sections": (mrc(nz=(8, "i", 0)), "all three must be 1 or more"),
    "mrc of -64 rows": (mrc(ny=(4, "i", -64)), "all three must be 1 or more"),
    "mrc of 2^31 px": (mrc(nx=(0, "i", 2**31 - 1)), "is cut short"),
    "mrc of 2^93 px": (mrc(nx=(0, "i", 2**31 - 1), ny=(4, "i", 2**31 - 1)), "is cut short"),
    "mrc too wide": (mrc(np.eye(16, 9000, dtype=np.float32)), "is 9000 x 16 px, more than 8192"),
    "mrc with nsymbt 2 GiB": (mrc(nsymbt=(92, "i", 2**31 - 1)), "0 to 1048576 are accepted"),
    "mrc with nsymbt -1": (mrc(nsymbt=(92, "i", -1)), "0 to 1048576 are accepted"),
    "mrc with nsymbt past the end": (mrc(nsymbt=(92, "i", 4096)), "is cut short"),
    "mrc with the other stamp": (mrc(stamp=(212, "B", 0x11)), "is an MRC file of mode|is cut short"),
    "NaN": (mrc(pixel=(2000, "f", np.nan)), "1 pixels that are not finite"),
    "infinite": (mrc(pixel=(2000, "f", -np.inf)), "1 pixels that are not finite"),
    "beyond float32": (tiff(NOISE.astype(np.float64) + 1e300), "not finite"),
    "huge": (mrc(pixel=(2000, "f", 1e30)), "scale them below"),
    "constant": (mrc(np.full((64, 64), 7, np.float32)), "no contrast: every pixel is 7"),
    "black": (mrc(np.zeros((64, 64), np.float32)), "no contrast"),
    "1 x 1 px": (mrc(np.ones((1, 1), np.float32)), "is 1 x 1 px; at least 16"),
    "15 px high": (mrc(NOISE[:15].astype(np.float32)), "is 64 x 15 px; at least 16"),
}
_pages = io.BytesIO()
Image.fromarray(NOISE).save(_pages, "TIFF", save_all=True, append_images=[Image.fromarray(NOISE[:32])])
MALFORMED["tiff pages of several sizes"] = (_pages.getvalue(), "several sizes")


def assert_one_sentence(caught: pytest.ExceptionInfo[ImageError], subject: str) -> None:
    message = str(caught.value)
    assert message.startswith(subject)
    assert "\n" not in message
    assert len(message) < len(subject) + 220
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed(tmp_path: Path, case: str) -> None:
    content, problem = MALFORMED[case]
    path = tmp_path / "query.png"
    path.write_bytes(content)
    with pytest.raises(ImageError, match=problem) as caught:
        read_images(path)
    assert_one_sentence(caught, str(path))


@pytest.mark.parametrize("number", ["0", "000000", "4", "999999999999"])
def test_image_numbers_that_are_not_there(tmp_path: Path, number: str) -> None:
    mrcfile.write(tmp_path / "a.mrcs", NOISE.reshape(1, 64, 64).repeat(3, 0).astype(np.float32))
    with pytest.raises(ImageError, match=r"holds 3 image\(s\), counted from 1") as caught:
        read_images(f"{number}@{tmp_path / 'a.mrcs'}")
    assert_one_sentence(caught, str(tmp_path / "a.mrcs"))


def test_number_of_an_image_that_is_no_stack(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(PNG)
    with pytest.raises(ImageError, match=r"one image and not a stack; leave out the 1@"):
        read_images(f"1@{tmp_path / 'a.png'}")


@pytest.mark.parametrize("spec", ["-1@a.mrcs", "x@a.mrcs", "1.5@a.mrcs", "1@", "9999999999999999@a.mrcs"])
def test_numbers_that_are_none(tmp_path: Path, spec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.mrcs").write_bytes(mrc())
    with pytest.raises(ImageError, match="image N of a stack is N@FILE, with N from 1"):
        read_images(spec)


@pytest.mark.parametrize("name", ["a\0b.png", "x" * 5000])
def test_names_that_no_file_can_have(name: str) -> None:
    with pytest.raises(ImageError, match="cannot be"):
        read_images(name)


def test_asking_for_no_image() -> None:
    with pytest.raises(ImageError, match="ask for 1 or more"):
        read_images("a.mrcs", max_images=0)


def test_check_image_names_its_subject() -> None:
    check_image(NOISE.astype(np.float32), "fine")
    with pytest.raises(ImageError, match=r"^7@a\.mrcs has [0-9]+ pixels that are not finite"):
        check_image(np.where(NOISE_FLOAT[3, 4] == NOISE_FLOAT, np.nan, NOISE_FLOAT), "7@a.mrcs")


SEEDS = [PNG, JPEG, DEFLATED, LZW, tiff(NOISE), tiff(NOISE.astype(np.float64)), mrc()]


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    st.sampled_from(SEEDS),
    st.lists(st.tuples(st.integers(0, 1500), st.integers(0, 255)), min_size=1, max_size=6),
    st.integers(0, 3000),
)
def test_damage_is_noticed_or_harmless(seed: bytes, changes: list[tuple[int, int]], cut: int) -> None:
    """Whatever is changed, the readers end in pixels of the size they promised or in their own error."""
    content = bytearray(seed[: len(seed) - cut])
    for position, value in changes:
        if position < len(content):
            content[position] = value
    request = Request(None, 2, len(content), ReadingLimits(side_px=512))
    try:
        opened = open_image_file(io.BytesIO(content), request)
        for number in opened.numbers:
            assert opened.decode(number).shape == (opened.height, opened.width)
    except UnusableFileError:
        pass


@pytest.mark.parametrize("side", [(64, 64), "64", 64.0])
def test_a_side_that_is_no_number_is_refused(side: object) -> None:
    with pytest.raises(UnusableFileError, match="one number each"):
        check_side(side, 64, ReadingLimits())  # type: ignore[arg-type]
