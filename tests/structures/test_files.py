import gzip
import hashlib
import os
from pathlib import Path

import pytest

from emsearch.structures import files
from emsearch.structures.errors import StructureError
from emsearch.structures.files import read_file


def test_gzip_is_unpacked_and_the_stored_bytes_are_hashed(tmp_path: Path) -> None:
    path = tmp_path / "a.cif.gz"
    path.write_bytes(gzip.compress(b"data_A\n"))
    content, digest = read_file(path)
    assert content == b"data_A\n"
    assert digest == hashlib.sha256(path.read_bytes()).hexdigest()


def test_endless_gzip_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "UNPACKED_BYTES_MAX", 4_000_000)
    path = tmp_path / "bomb.cif.gz"
    path.write_bytes(gzip.compress(bytes(50_000_000)))
    assert path.stat().st_size < 100_000
    with pytest.raises(StructureError, match=r"bomb\.cif\.gz: unpacks to more than the 4,000,000 bytes"):
        read_file(path)


def test_oversized_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "FILE_BYTES_MAX", 10)
    path = tmp_path / "big.pdb"
    path.write_bytes(bytes(11))
    with pytest.raises(StructureError, match=r"big\.pdb: 11 bytes, more than the 10"):
        read_file(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"data_A", "not gzip"),
        (gzip.compress(b"data_A" * 1000)[:-12], "end too early"),
        (gzip.compress(b""), "empty once unpacked"),
        (b"\x1f\x8b\x08\x00" + b"\xff" * 40, "damaged gzip data"),
    ],
)
def test_bad_gzip_is_one_sentence(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "x.cif.gz"
    path.write_bytes(content)
    with pytest.raises(StructureError, match=message) as caught:
        read_file(path)
    assert str(caught.value).startswith("x.cif.gz: ")
    assert "\n" not in str(caught.value)


def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.cif")
    (tmp_path / "folder.cif").mkdir()
    for name in ("pipe.cif", "folder.cif"):
        with pytest.raises(StructureError, match=f"{name}: (is not a regular file|cannot be opened)"):
            read_file(tmp_path / name)
    with pytest.raises(StructureError, match=r"none\.cif: cannot be opened"):
        read_file(tmp_path / "none.cif")


def test_device_is_refused() -> None:
    if not Path("/dev/zero").exists():
        pytest.skip("no /dev/zero on this system")
    with pytest.raises(StructureError, match="zero: is not a regular file"):
        read_file(Path("/dev/zero"))
