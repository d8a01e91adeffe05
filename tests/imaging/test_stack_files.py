from pathlib import Path

import mrcfile
import numpy as np
import pytest
from gemmi import cif
from numpy.typing import NDArray

from emsearch.imaging.euler_angles import euler_zyz_degrees
from emsearch.imaging.stack_files import truth_columns, write_stack


@pytest.fixture
def images() -> NDArray[np.float32]:
    return np.random.default_rng(1).standard_normal((3, 20, 24)).astype(np.float32)


@pytest.fixture
def quaternion() -> NDArray[np.float32]:
    q = np.random.default_rng(2).standard_normal((3, 4))
    return np.asarray(q / np.linalg.norm(q, axis=1, keepdims=True), np.float32)


def columns_of(block: cif.Block, *names: str) -> list[list[str]]:
    return [[cif.as_string(row[k]) for row in block.find(list(names))] for k in range(len(names))]


def test_stack_is_read_back_by_mrcfile(tmp_path: Path, images: NDArray[np.float32]) -> None:
    path = tmp_path / "views.mrcs"
    write_stack(path, images, 4.2, star=None, metadata={})
    with mrcfile.open(path) as file:
        assert file.is_image_stack()
        np.testing.assert_array_equal(file.data, images)
        header = file.header
        assert (header.mode, header.mx, header.my, header.mz, header.ispg) == (2, 24, 20, 1, 0)
        assert (header.nx, header.ny, header.nz) == (24, 20, 3)
        assert float(file.voxel_size.x) == pytest.approx(4.2)
        assert float(file.voxel_size.y) == pytest.approx(4.2)
        assert header.dmean == pytest.approx(images.mean(), abs=1e-6)
    assert mrcfile.validate(path)
    assert [file.name for file in tmp_path.iterdir()] == ["views.mrcs"]


def test_star_holds_the_truth(
    tmp_path: Path, images: NDArray[np.float32], quaternion: NDArray[np.float32]
) -> None:
    metadata = truth_columns(
        ["6cvm", "a 'name' of two", "1e10"],
        quaternion,
        np.array([[1.5, -2.0], [0.0, 0.0], [3.0, 4.0]]),
        defocus_um=np.array([0.0, 1.25, 0.5], np.float32),
        fill=np.array([1.0, 0.3, 0.75], np.float32),
        snr=np.array([np.inf, 0.1, 2.0], np.float32),
        mirror=np.array([False, True, False]),
    )
    optics = {"rlnVoltage": 300.0, "rlnSphericalAberration": 2.7, "rlnAmplitudeContrast": 0.1}
    star = tmp_path / "views.star"
    write_stack(tmp_path / "views.mrcs", images, 4.2, star=star, metadata=metadata, optics=optics)

    document = cif.read_file(str(star))
    assert [block.name for block in document] == ["optics", "particles"]
    group = document.find_block("optics")
    assert group is not None
    assert columns_of(group, "_rlnOpticsGroup", "_rlnImagePixelSize", "_rlnImageSize", "_rlnVoltage") == [
        ["1"],
        ["4.2"],
        ["24"],
        ["300"],
    ]
    particles = document.find_block("particles")
    assert particles is not None
    names, structures, mirror, groups = columns_of(
        particles, "_rlnImageName", "_emsStructure", "_emsMirror", "_rlnOpticsGroup"
    )
    assert names == ["000001@views.mrcs", "000002@views.mrcs", "000003@views.mrcs"]
    assert structures == ["6cvm", "a 'name' of two", "1e10"]
    assert mirror == ["0", "1", "0"]
    assert groups == ["1", "1", "1"]

    numbers = ["_rlnAngleRot", "_rlnAngleTilt", "_rlnAnglePsi", "_rlnOriginXAngst", "_rlnOriginYAngst"]
    numbers += ["_rlnDefocusU", "_rlnDefocusV", "_rlnDefocusAngle", "_emsFill", "_emsSnr"]
    numbers += [f"_emsQuaternion{axis}" for axis in "WXYZ"]
    table = np.array([[float(value) for value in column] for column in columns_of(particles, *numbers)]).T
    np.testing.assert_allclose(table[:, :3], euler_zyz_degrees(quaternion), atol=1e-6)
    np.testing.assert_allclose(table[:, 3:5], [[-1.5, 2.0], [0.0, 0.0], [-3.0, -4.0]])
    np.testing.assert_allclose(table[:, 5:8], [[0, 0, 0], [12500, 12500, 0], [5000, 5000, 0]])
    np.testing.assert_allclose(table[:, 8], [1.0, 0.3, 0.75], rtol=1e-7)
    np.testing.assert_allclose(table[:, 9], [np.inf, 0.1, 2.0], rtol=1e-7)
    np.testing.assert_array_equal(table[:, 10:].astype(np.float32), quaternion)


def test_star_in_another_folder_names_the_stack_from_there(
    tmp_path: Path, images: NDArray[np.float32]
) -> None:
    (tmp_path / "stacks").mkdir()
    star = tmp_path / "all.star"
    write_stack(tmp_path / "stacks" / "a.mrcs", images, 1.0, star=star, metadata={})
    assert "000002@stacks/a.mrcs" in star.read_text()


def test_layout_is_that_of_relion(tmp_path: Path, images: NDArray[np.float32]) -> None:
    star = tmp_path / "a.star"
    write_stack(tmp_path / "a.mrcs", images, 1.5, star=star, metadata={"emsFill": [1.0, 0.5, 0.25]})
    lines = star.read_text().splitlines()
    start = lines.index("data_particles")
    assert lines[start:] == [
        "data_particles",
        "",
        "loop_",
        "_rlnImageName #1",
        "_rlnOpticsGroup #2",
        "_emsFill #3",
        "000001@a.mrcs 1 1",
        "000002@a.mrcs 1 0.5",
        "000003@a.mrcs 1 0.25",
        "",
    ]


def test_failure_leaves_the_old_file(
    tmp_path: Path, images: NDArray[np.float32], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.mrcs"
    write_stack(path, images, 1.5, star=None, metadata={})
    before = path.read_bytes()

    def full_disk(self: object, data: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mrcfile.mrcfile.MrcFile.set_data", full_disk)
    with pytest.raises(OSError, match="No space"):
        write_stack(path, images + 1, 1.5, star=None, metadata={})
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["a.mrcs"]


@pytest.mark.parametrize(
    ("shape", "pixel", "metadata", "problem"),
    [
        ((20, 20), 1.0, {}, "shape"),
        ((0, 20, 20), 1.0, {}, "shape"),
        ((2, 20, 20), 0.0, {}, "pixel size"),
        ((2, 20, 20), float("nan"), {}, "pixel size"),
        ((2, 20, 20), float("inf"), {}, "pixel size"),
        ((2, 20, 20), 1.0, {"emsFill": [1.0]}, "emsFill"),
    ],
)
def test_arguments_that_do_not_fit(
    tmp_path: Path,
    shape: tuple[int, ...],
    pixel: float,
    metadata: dict[str, list[float]],
    problem: str,
) -> None:
    with pytest.raises(ValueError, match=problem):
        write_stack(
            tmp_path / "a.mrcs",
            np.zeros(shape, np.float32),
            pixel,
            star=tmp_path / "a.star",
            metadata=metadata,
        )
    assert not list(tmp_path.iterdir())
