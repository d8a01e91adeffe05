"""Files to answers and pictures, over an index that needs no training."""

from pathlib import Path
from typing import TYPE_CHECKING

import mrcfile
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from emsearch.imaging.parameters import clean_parameters
from emsearch.imaging.rotations import random_quaternions
from emsearch.particles.errors import ImageError
from emsearch.search.hits import Answer
from emsearch.search.picture import posed_projection, write_picture
from emsearch.search.searching import search_file

if TYPE_CHECKING:
    from emsearch.search.engine import SearchIndex

PIXEL, SIDE = 3.0, 72


@pytest.fixture(scope="module")
def stack(pooling_index: "SearchIndex") -> NDArray[np.float32]:
    """Draw one view of each of the first three structures."""
    quaternion = random_quaternions(np.random.default_rng(5), 3)
    simulator = pooling_index.simulator(pooling_index.structures)
    drawn = simulator.projections(np.arange(3), clean_parameters(quaternion), np.full(3, PIXEL), SIDE)
    return np.asarray(drawn.numpy())


def write_mrc(path: Path, data: NDArray[np.float32], pixel: float | None) -> str:
    with mrcfile.new(path) as file:
        file.set_data(data)
        if pixel is not None:
            file.voxel_size = pixel
    return str(path)


def test_pixel_size_comes_from_the_option_before_the_header(
    pooling_index: "SearchIndex", stack: NDArray[np.float32], tmp_path: Path
) -> None:
    path = write_mrc(tmp_path / "one.mrc", stack[0], PIXEL)
    header = search_file(pooling_index, path, rerank=0)[0]
    assert (header.pixel_size_angstrom, header.pixel_size_source) == (PIXEL, "MRC header")
    option = search_file(pooling_index, path, pixel_size_angstrom=2.5, rerank=0)[0]
    assert (option.pixel_size_angstrom, option.pixel_size_source) == (2.5, "option")
    assert not any("pixel size" in note for note in option.notes)


def test_without_pixel_size_a_note_says_that_size_was_not_used(
    pooling_index: "SearchIndex", stack: NDArray[np.float32], tmp_path: Path
) -> None:
    grey = np.interp(stack[0], (stack[0].min(), stack[0].max()), (0, 255)).astype(np.uint8)
    Image.fromarray(grey).save(tmp_path / "one.png")
    answer = search_file(pooling_index, str(tmp_path / "one.png"), top=2, rerank=2)[0]
    assert (answer.pixel_size_angstrom, answer.pixel_size_source) == (None, "none")
    assert any("--pixel-size" in note for note in answer.notes)
    assert len(answer.hits) == 2


def test_every_image_of_a_stack_or_the_one_named(
    pooling_index: "SearchIndex", stack: NDArray[np.float32], tmp_path: Path
) -> None:
    path = write_mrc(tmp_path / "all.mrcs", stack, PIXEL)
    answers = search_file(pooling_index, path, top=1, rerank=3)
    assert [a.image for a in answers] == [1, 2, 3]
    assert [a.hits[0].representative for a in answers] == pooling_index.structures[:3]
    (second,) = search_file(pooling_index, f"2@{path}", top=1, rerank=3)
    assert (second.image, second.path, second.generation) == (2, path, "gen-0")
    assert second.hits == answers[1].hits


def test_dark_particles_are_turned_bright(
    pooling_index: "SearchIndex", stack: NDArray[np.float32], tmp_path: Path
) -> None:
    bright = search_file(pooling_index, write_mrc(tmp_path / "b.mrcs", stack, PIXEL), top=1, rerank=2)
    dark = search_file(pooling_index, write_mrc(tmp_path / "d.mrcs", -stack, PIXEL), top=1, rerank=2)
    assert [a.contrast for a in bright + dark] == ["bright"] * 3 + ["dark"] * 3
    assert [a.hits[0].group for a in bright] == [a.hits[0].group for a in dark]


@pytest.mark.parametrize("pixel", [0.0, -1.0, float("nan"), 101.0])
def test_impossible_pixel_sizes_are_refused_before_the_file_is_read(
    pooling_index: "SearchIndex", pixel: float
) -> None:
    with pytest.raises(ImageError, match="--pixel-size"):
        search_file(pooling_index, "nowhere.png", pixel_size_angstrom=pixel)


def test_a_picture_of_almost_nothing_is_refused(
    pooling_index: "SearchIndex", stack: NDArray[np.float32], tmp_path: Path
) -> None:
    with pytest.raises(ImageError, match="check --pixel-size"):
        search_file(pooling_index, write_mrc(tmp_path / "a.mrc", stack[0], 0.05))


@pytest.mark.parametrize("pixel", [PIXEL, None])
def test_picture_shows_the_query_and_each_matched_hit(
    pooling_index: "SearchIndex", stack: NDArray[np.float32], tmp_path: Path, pixel: float | None
) -> None:
    path = write_mrc(tmp_path / "all.mrcs", stack, pixel)
    (answer,) = search_file(pooling_index, f"3@{path}", top=3, rerank=2)
    write_picture(pooling_index, answer, tmp_path / "out.png")
    with Image.open(tmp_path / "out.png") as picture:
        width, height = picture.size
        assert width > 2 * height * 0.7  # three panels side by side: the query and two hits
        assert len(picture.convert("L").getcolors() or []) > 30


def test_picture_shows_a_dark_particle_bright(
    pooling_index: "SearchIndex", stack: NDArray[np.float32], tmp_path: Path
) -> None:
    drawn = []
    for name, image, contrast in (("b", stack[0], "bright"), ("d", -stack[0], "dark")):
        path = write_mrc(tmp_path / f"{name}.mrc", image, PIXEL)
        (answer,) = search_file(pooling_index, path, contrast=contrast, top=1, rerank=1)
        write_picture(pooling_index, answer, tmp_path / f"{name}.png")
        with Image.open(tmp_path / f"{name}.png") as picture:
            drawn.append(np.asarray(picture.convert("L"), np.int64))
    assert np.abs(drawn[0] - drawn[1]).max() <= 2


def test_an_unmatched_hit_has_no_projection(
    pooling_index: "SearchIndex", stack: NDArray[np.float32], tmp_path: Path
) -> None:
    answer: Answer = search_file(pooling_index, write_mrc(tmp_path / "a.mrc", stack[0], PIXEL), rerank=0)[0]
    with pytest.raises(ValueError, match="hit 1 was not matched"):
        posed_projection(pooling_index, answer.hits[0], SIDE, PIXEL)
    write_picture(pooling_index, answer, tmp_path / "query-alone.png")
    assert (tmp_path / "query-alone.png").stat().st_size > 1000
