"""Particles of every kind of file, as other programs write them."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from emsearch.particles.errors import ImageError
from emsearch.particles.source import ParticleSource, open_particles

DATA = Path(__file__).resolve().parents[1] / "data" / "particles"
EXPECTED: NDArray[np.float32] = np.load(DATA / "expected.npy")


def pixels(source: ParticleSource) -> NDArray[np.float32]:
    found = source.read(range(source.count))
    assert not [image for image in found if isinstance(image, ImageError)]
    return np.array(found)


@pytest.mark.parametrize(
    ("name", "kind", "pixel"),
    [
        ("mode0.mrcs", "MRC", 3.5),
        ("mode1.mrcs", "MRC", 3.5),
        ("mode2.mrcs", "MRC", 3.5),
        ("mode6.mrcs", "MRC", 3.5),
        ("mode12.mrcs", "MRC", 3.5),
        ("stack.mrcs.gz", "MRC", 3.5),
        ("stack.mrcs.bz2", "MRC", 3.5),
        ("eman2.hdf", "EMAN2 HDF", 3.5),
        ("imagic.hed", "IMAGIC", np.nan),
        ("imagic.img", "IMAGIC", np.nan),
        ("stack.tif", "TIFF", np.nan),
    ],
)
def test_stacks(name: str, kind: str, pixel: float) -> None:
    source = open_particles(DATA / name)
    assert (source.format, source.count) == (kind, 3)
    np.testing.assert_array_equal(source.pixel_size_angstrom, [pixel] * 3)
    np.testing.assert_array_equal(pixels(source), EXPECTED)
    assert source.name(1) == f"2@{name}"
    (last,) = source.read([2])
    np.testing.assert_array_equal(last, EXPECTED[2])


def test_four_bits_a_pixel(tmp_path: Path) -> None:
    """Mode 101 as IMOD packs it: the first pixel of each byte in its low half, rows padded to whole bytes."""
    stack = EXPECTED[:, :, :17].astype(np.uint8)
    padded = np.concatenate([stack, np.zeros((3, 16, 1), np.uint8)], axis=2)
    content = bytearray((DATA / "mode0.mrcs").read_bytes()[:1024])
    content[0:16] = np.array([17, 16, 3, 101], "<i4").tobytes()
    (tmp_path / "a.mrcs").write_bytes(content + (padded[..., ::2] | padded[..., 1::2] << 4).tobytes())
    np.testing.assert_array_equal(pixels(open_particles(tmp_path / "a.mrcs")), stack)


def test_spider() -> None:
    source = open_particles(DATA / "single.spi")
    assert (source.format, source.count) == ("SPIDER", 1)
    np.testing.assert_array_equal(pixels(source), EXPECTED[:1])


def test_star_of_optics_groups() -> None:
    source = open_particles(DATA / "relion31.star")
    np.testing.assert_array_equal(pixels(source), EXPECTED[[2, 0, 1]])
    assert [source.name(k) for k in range(3)] == ["3@mode2.mrcs", "1@mode2.mrcs", "2@mode2.mrcs"]
    np.testing.assert_allclose(source.pixel_size_angstrom, [3.5, 3.25, 3.5])
    assert source.pixel_size_source == "STAR optics group"
    np.testing.assert_allclose(source.optics.voltage_kv, [300, 200, 300])
    np.testing.assert_allclose(source.optics.cs_mm, [2.7, 1.4, 2.7])
    np.testing.assert_allclose(source.optics.defocus_u_um, [1.0, 1.2, 1.5])
    np.testing.assert_allclose(source.optics.defocus_angle_degrees, [30, 40, 50])
    assert source.optics.known.all()
    assert source.columns is not None and source.columns.column("rlnClassNumber").to_pylist() == [
        "1",
        "1",
        "2",
    ]


def test_star_of_one_table() -> None:
    source = open_particles(DATA / "relion30.star")
    np.testing.assert_allclose(source.pixel_size_angstrom, 14.0 / 40000 * 1e4)
    assert source.optics.known.all()
    np.testing.assert_array_equal(pixels(source), EXPECTED[[2, 0, 1]])


def test_cryosparc_with_its_passthrough_file() -> None:
    source = open_particles(DATA / "J7_particles.cs")
    assert (source.format, source.pixel_size_source) == ("cryoSPARC", "blob/psize_A")
    np.testing.assert_array_equal(pixels(source), EXPECTED[[2, 0, 1]])
    np.testing.assert_allclose(source.optics.voltage_kv, [300, 200, 120])
    assert not source.optics.known.any()  # there is no defocus
    assert source.columns is not None and "blob/shape_1" in source.columns.column_names


def test_paths_count_from_the_project(tmp_path: Path) -> None:
    job, stacks = tmp_path / "Select" / "job003", tmp_path / "Extract"
    job.mkdir(parents=True)
    stacks.mkdir()
    shutil.copy(DATA / "mode2.mrcs", stacks)
    text = (DATA / "relion31.star").read_text().replace("@mode2", "@Extract/mode2")
    (job / "particles.star").write_text(text)
    np.testing.assert_array_equal(pixels(open_particles(job / "particles.star")), EXPECTED[[2, 0, 1]])
    with pytest.raises(ImageError, match="there is none under"):
        open_particles(job / "particles.star", root=job)


def test_a_tiff_that_a_star_file_names_is_flipped_as_relion_reads_it(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "mode2.tif", EXPECTED, photometric="minisblack")
    text = (DATA / "relion31.star").read_text().replace(".mrcs", ".tif")
    (tmp_path / "a.star").write_text(text)
    np.testing.assert_array_equal(pixels(open_particles(tmp_path / "a.star")), EXPECTED[[2, 0, 1], ::-1])


def test_a_folder_is_read_as_people_count(tmp_path: Path) -> None:
    for k in (1, 2, 10):
        tifffile.imwrite(tmp_path / f"particle{k}.tif", EXPECTED[0] + k)
    source = open_particles(tmp_path)
    assert [source.name(k) for k in range(3)] == ["1@particle1.tif", "1@particle2.tif", "1@particle10.tif"]
    np.testing.assert_array_equal(pixels(source), [EXPECTED[0] + k for k in (1, 2, 10)])


def test_one_image_of_a_stack() -> None:
    source = open_particles(f"2@{DATA / 'mode2.mrcs'}")
    np.testing.assert_array_equal(pixels(source), EXPECTED[1:2])


def test_one_bad_particle_fails_no_other(tmp_path: Path) -> None:
    shutil.copy(DATA / "mode2.mrcs", tmp_path)
    text = (DATA / "relion31.star").read_text().replace("1@mode2.mrcs", "9@mode2.mrcs")
    (tmp_path / "a.star").write_text(text)
    first, bad, last = open_particles(tmp_path / "a.star").read(range(3))
    np.testing.assert_array_equal(first, EXPECTED[2])
    np.testing.assert_array_equal(last, EXPECTED[1])
    assert isinstance(bad, ImageError) and "holds 3 image(s)" in str(bad)
