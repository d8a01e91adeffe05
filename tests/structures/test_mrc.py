import struct
from collections.abc import Callable
from itertools import permutations

import numpy as np
import pytest

from emsearch.structures.errors import StructureError
from emsearch.structures.mrc import read_mrc

VALUES = np.arange(4 * 3 * 2, dtype=np.float32).reshape(4, 3, 2)  # z, y, x
Compose = Callable[..., bytes]


def patched(content: bytes, offset: int, value: int | float) -> bytes:
    packed = struct.pack("<i" if isinstance(value, int) else "<f", value)
    return content[:offset] + packed + content[offset + 4 :]


@pytest.mark.parametrize("axes", list(permutations((1, 2, 3))))
def test_axis_orders_give_one_map(compose_mrc: Compose, axes: tuple[int, int, int]) -> None:
    # axes: columns, rows, sections run along x (1), y (2) or z (3); VALUES has z, y, x at 0, 1, 2
    stored = VALUES.transpose([3 - axes[2], 3 - axes[1], 3 - axes[0]])
    density = read_mrc(compose_mrc(stored, 4.0, axes), "a.mrc")
    np.testing.assert_array_equal(density.values, VALUES)
    assert density.voxel_angstrom == pytest.approx((4.0, 4.0, 4.0))


def test_extended_header_is_skipped(compose_mrc: Compose) -> None:
    density = read_mrc(compose_mrc(VALUES, extended=b"\xff" * 800), "a.mrc")
    np.testing.assert_array_equal(density.values, VALUES)


def test_big_endian_integers() -> None:
    header = struct.pack(">10i", 2, 3, 4, 1, 0, 0, 0, 2, 3, 4) + struct.pack(">6f", 8, 12, 16, 90, 90, 90)
    header += struct.pack(">3i", 1, 2, 3)
    content = header + bytes(1024 - len(header)) + VALUES.astype(">i2").tobytes()
    density = read_mrc(content, "a.map")
    np.testing.assert_array_equal(density.values, VALUES)
    assert density.voxel_angstrom == (4.0, 4.0, 4.0)


@pytest.mark.parametrize(
    ("offset", "value", "message"),
    [
        (0, 2_000_000_000, "truncated or damaged"),
        (0, -2, "truncated or damaged"),
        (12, 77, "unknown data mode"),
        (64, 2, "unknown data mode or axis order"),
        (28, 0, "voxel size"),
        (40, 0.0, "voxel size 0 x 5 x 5 A"),
        (40, 1e9, "voxel size"),
        (40, float("nan"), "voxel size"),
        (52, 60.0, "not 90 degrees"),
        (92, (1 << 20) + 1, "expected at most 1 MiB"),
        (92, -1, "expected at most 1 MiB"),
        (1024, float("nan"), "not finite"),
        (1028, float("inf"), "not finite"),
    ],
)
def test_bad_headers_and_values(compose_mrc: Compose, offset: int, value: int | float, message: str) -> None:
    with pytest.raises(StructureError, match=message) as caught:
        read_mrc(patched(compose_mrc(VALUES), offset, value), "bad.mrc")
    assert str(caught.value).startswith("bad.mrc: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"short", b"no map at all " * 200])
def test_other_files(content: bytes) -> None:
    with pytest.raises(StructureError, match=r"bad\.mrc: "):
        read_mrc(content, "bad.mrc")


def test_truncated(compose_mrc: Compose) -> None:
    with pytest.raises(
        StructureError, match=r"announces 2 x 3 x 4 voxels \(1,120 bytes\), the file has 1,119"
    ):
        read_mrc(compose_mrc(VALUES)[:-1], "bad.mrc")
