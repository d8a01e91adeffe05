"""Tables and stacks that cannot be used: one sentence each, that names the file and what to do."""

import bz2
import gzip
import io
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from emsearch.particles.errors import ImageError
from emsearch.particles.source import open_particles

DATA = Path(__file__).resolve().parents[1] / "data" / "particles"
STAR = (DATA / "relion31.star").read_text()
MRC = (DATA / "mode2.mrcs").read_bytes()
HED = (DATA / "imagic.hed").read_bytes()
SPI = (DATA / "single.spi").read_bytes()
HDF = (DATA / "eman2.hdf").read_bytes()
OPTICS_ROW = "300.000000\t2.700000\t0.100000\t3.500000"


def optics(row: str) -> bytes:
    return star((OPTICS_ROW, row))


def star(*changes: tuple[str, str]) -> bytes:
    text = STAR
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return text.encode()


def cs(**changes: Any) -> bytes:
    rows = np.load(DATA / "J7_particles.cs")
    for name, value in changes.items():
        rows[name.replace("__", "/")] = value
    stream = io.BytesIO()
    np.save(stream, rows)
    return stream.getvalue()


def hdf(change: Callable[[h5py.File], None]) -> bytes:
    stream = io.BytesIO(HDF)
    with h5py.File(stream, "r+") as file:
        change(file)
    return stream.getvalue()


def _linked(file: h5py.File) -> None:
    del file["MDF/images/0"]
    file["MDF/images/0"] = h5py.ExternalLink("/etc/passwd", "/x")


def _soft(file: h5py.File) -> None:
    del file["MDF/images/0"]
    file["MDF/images/0"] = h5py.SoftLink("/MDF/images/1")


def _external(file: h5py.File) -> None:
    del file["MDF/images/0/image"]
    file["MDF/images/0"].create_dataset("image", (16, 18), "f4", external=[("/etc/passwd", 0, 1152)])


def _virtual(file: h5py.File) -> None:
    del file["MDF/images/0/image"]
    layout = h5py.VirtualLayout((16, 18), "f4")
    layout[:] = h5py.VirtualSource("/tmp/other.h5", "x", (16, 18))
    file["MDF/images/0"].create_virtual_dataset("image", layout)


def _empty(file: h5py.File) -> None:
    del file["MDF/images"]
    file.create_group("MDF/images")


def _words(file: h5py.File) -> None:
    del file["MDF/images/0/image"]
    file["MDF/images/0"].create_dataset("image", data=[[b"ab", b"cd"]])


def _pickled() -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.array([{"a": 1}, os.getcwd], dtype=object), allow_pickle=True)
    return stream.getvalue()


def _plain() -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.arange(4.0))
    return stream.getvalue()


def _without_paths() -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.zeros(2, [("uid", "u8"), ("blob/idx", "u4")]))
    return stream.getvalue()


CASES: dict[str, tuple[str, bytes, str]] = {
    "star: empty": ("a.star", b"", "is empty"),
    "star: prose": ("a.star", b"these are no particles\n", "is no readable STAR file"),
    "star: a block without a table": ("a.star", b"data_\n", "without a STAR table"),
    "star: binary": ("a.star", bytes(range(256)) * 8, "is no readable STAR file"),
    "star: no image names": (
        "a.star",
        star(("_rlnImageName", "_rlnOther")),
        "no table with the column _rlnImageName",
    ),
    "star: image 0": ("a.star", star(("3@mode2", "0@mode2")), "particle 1: _rlnImageName is '0@mode2.mrcs'"),
    "star: image -1": ("a.star", star(("3@mode2", "-1@mode2")), "expected N@STACK with N from 1"),
    "star: image x": ("a.star", star(("1@mode2", "x@mode2")), "particle 2: _rlnImageName"),
    "star: image number too large": ("a.star", star(("3@mode2", "99999999999@mode2")), "expected N@STACK"),
    "star: no such stack": ("a.star", star(("3@mode2", "3@gone")), "particle 1, names the stack 'gone.mrcs'"),
    "star: another stack is missing": (
        "a.star",
        star(("2@mode2", "2@gone")),
        "particle 3, names the stack 'gone.mrcs'",
    ),
    "star: out of the root": ("a.star", star(("1@mode2.mrcs", "1@../../etc/passwd")), "lies outside"),
    "star: absolute path": ("a.star", star(("1@mode2.mrcs", "1@/etc/passwd")), "lies outside"),
    "star: path of nothing": ("a.star", star(("3@mode2.mrcs", "3@''")), "names the stack"),
    "star: pixel size 0": (
        "a.star",
        optics("300.0\t2.7\t0.1\t0.0"),
        "row 1: _rlnImagePixelSize gives",
    ),
    "star: pixel size negative": (
        "a.star",
        optics("300.0\t2.7\t0.1\t-2.0"),
        "pixel size of -2 A",
    ),
    "star: pixel size nan": ("a.star", optics("300.0\t2.7\t0.1\tnan"), "pixel size of nan A"),
    "star: pixel size 1000": ("a.star", optics("300.0\t2.7\t0.1\t1000"), "at most 100"),
    "star: pixel size in words": (
        "a.star",
        optics("300.0\t2.7\t0.1\tsmall"),
        "rlnImagePixelSize is 'small' where a number",
    ),
    "star: defocus in words": ("a.star", star(("10000.000000", "near")), "row 1: rlnDefocusU is 'near'"),
    "star: voltage in words": ("a.star", optics("high\t2.7\t0.1\t3.5"), "rlnVoltage is 'high'"),
    "star: no such optics group": (
        "a.star",
        star(("3@mode2.mrcs\t1", "3@mode2.mrcs\t7")),
        "optics group 7, which",
    ),
    "star: cut in a row": (
        "a.star",
        STAR[: STAR.rindex("2@mode2")].encode() + b"2@mo",
        "is no readable STAR file",
    ),
    "star: a row too long": (
        "a.star",
        star(("3@mode2.mrcs", "3@mode2.mrcs extra")),
        "is no readable STAR file",
    ),
    "cs: pickled": ("a.cs", _pickled(), "without pickled objects"),
    "cs: no fields": ("a.cs", _plain(), "without named fields"),
    "cs: no paths": ("a.cs", _without_paths(), "has no field blob/path"),
    "cs: cut short": ("a.cs", cs()[:-40], "is no readable cryoSPARC file"),
    "cs: header alone": ("a.cs", cs()[:20], "is no readable cryoSPARC file"),
    "cs: csdat": ("a.cs", b"\x94CSDAT" + bytes(100), "CSDAT container"),
    "cs: pixel size 0": ("a.cs", cs(blob__psize_A=0), "row 1: blob/psize_A gives a pixel size of 0 A"),
    "cs: pixel size nan": ("a.cs", cs(blob__psize_A=np.nan), "pixel size of nan A"),
    "cs: no such stack": ("a.cs", cs(blob__path=b"gone.mrcs"), "names the stack 'gone.mrcs'"),
    "cs: out of the root": ("a.cs", cs(blob__path=b"../../../etc/passwd"), "lies outside"),
    "mrc: cut in the header": ("a.mrcs", MRC[:600], "ends within the 1024 bytes"),
    "mrc: half written": ("a.mrcs", MRC[:-100], "is cut short"),
    "mrc: a wrong count": ("a.mrcs", MRC[:8] + (900).to_bytes(4, "little") + MRC[12:], "is cut short"),
    "mrc: mode 3": ("a.mrcs", MRC[:12] + (3).to_bytes(4, "little") + MRC[16:], "a Fourier transform"),
    "gzip: cut short": ("a.mrcs.gz", gzip.compress(MRC)[:-30], "damaged or cut short (gzip"),
    "gzip: a bomb": ("a.mrcs.gz", gzip.compress(bytes(2**24)) * 65, "inflates to more than"),
    "gzip: twice": ("a.mrcs.gz", gzip.compress(gzip.compress(MRC)), "is compressed twice"),
    "gzip: of words": ("a.mrcs.gz", gzip.compress(b"only words\n" * 200), "is a text file"),
    "bzip2: cut short": ("a.mrcs.bz2", bz2.compress(MRC)[:-20], "damaged or cut short (bzip2"),
    "bzip2: of an MRC cut short": ("a.mrcs.bz2", bz2.compress(MRC[:-9]), "is cut short"),
    "imagic: no pixels": ("a.hed", HED, "is half of an IMAGIC stack whose .img file does not exist"),
    "imagic: no headers": ("a.img", bytes(100), "does not exist"),
    "spider: cut short": ("a.spi", SPI[:-30], "is cut short: its SPIDER header"),
    "spider: columns that do not agree": (
        "a.spi",
        SPI[:44] + np.float32(7).tobytes() + SPI[48:],
        "is not PNG, TIFF",
    ),
    "hdf: cut short": ("a.hdf", HDF[:900], "is a damaged HDF5 file"),
    "hdf: of another program": ("a.hdf", hdf(lambda f: f.move("MDF", "other")), "without MDF/images"),
    "hdf: no images": ("a.hdf", hdf(_empty), "without an image"),
    "hdf: linked outside": ("a.hdf", hdf(_linked), "links its 0 to somewhere else"),
    "hdf: linked inside": ("a.hdf", hdf(_soft), "links its 0 to somewhere else"),
    "hdf: pixels elsewhere": ("a.hdf", hdf(_external), "keeps its pixels in other files"),
    "hdf: virtual": ("a.hdf", hdf(_virtual), "keeps its pixels in other files"),
    "hdf: words": ("a.hdf", hdf(_words), "something else than an image"),
}


@pytest.mark.parametrize("case", CASES)
def test_malformed(case: str, tmp_path: Path) -> None:
    name, content, sentence = CASES[case]
    shutil.copy(DATA / "mode2.mrcs", tmp_path)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ImageError) as raised:
        open_particles(tmp_path / name)
    text = str(raised.value)
    assert sentence in text
    assert str(tmp_path) in text and "\n" not in text


def test_there_are_enough_of_them() -> None:
    assert len(CASES) >= 50


def test_a_passthrough_file_of_other_particles(tmp_path: Path) -> None:
    shutil.copy(DATA / "mode2.mrcs", tmp_path)
    shutil.copy(DATA / "J7_passthrough_particles.cs", tmp_path)
    (tmp_path / "J7_particles.cs").write_bytes(cs(uid=99))
    with pytest.raises(ImageError, match="uid that its passthrough file lacks"):
        open_particles(tmp_path / "J7_particles.cs")


def test_imagic_pixels_that_are_too_few(tmp_path: Path) -> None:
    (tmp_path / "a.hed").write_bytes(HED)
    (tmp_path / "a.img").write_bytes(bytes(700))
    with pytest.raises(
        ImageError, match=r"promises 3 images of 18 x 16 px, 3456 bytes, and its \.img file has 700"
    ):
        open_particles(tmp_path / "a.hed")


def test_a_pipe_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.star")
    with pytest.raises(ImageError, match="is a pipe or device"):
        open_particles(tmp_path / "a.star")


def test_a_folder_without_pictures(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="holds no picture"):
        open_particles(tmp_path)


def test_pickles_run_nothing(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return (os.mkdir, (str(tmp_path / "sprung"),))

    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.array([Trap()], dtype=object), allow_pickle=True)
    assert b"mkdir" in stream.getvalue() and pickle.loads(pickle.dumps(1)) == 1
    (tmp_path / "a.cs").write_bytes(stream.getvalue())
    with pytest.raises(ImageError, match="pickled"):
        open_particles(tmp_path / "a.cs")
    assert not (tmp_path / "sprung").exists()
