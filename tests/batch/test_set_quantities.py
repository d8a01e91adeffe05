"""What images show together: the middle of what each shows, in a range that does not fall to nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from numpy.typing import NDArray

from emsearch.batch.run import run_batch
from emsearch.batch.set_quantities import together
from emsearch.batch.settings import BatchSettings
from emsearch.network.quantities import QUANTITIES
from emsearch.particles.source import open_particles
from emsearch.search.searching import search_file

if TYPE_CHECKING:
    from emsearch.search.engine import SearchIndex

Write = Callable[[NDArray[np.float32], Path], Path]
ONE = np.array(
    [[400, 300, 500], [150, 130, 170], [50, 45, 56], [40, 35, 45], [0.8, 0.5, 1.1], [0.5, 0.2, 0.8]]
)


def widths(intervals: NDArray[np.float64]) -> NDArray[np.float64]:
    found = together(intervals)
    assert found is not None
    return np.array([getattr(found, name).high - getattr(found, name).low for name in QUANTITIES])


def test_one_image_keeps_its_range_and_many_have_a_narrower_one() -> None:
    one, ten, many = (widths(np.repeat(ONE[None], n, axis=0)) for n in (1, 10, 10_000))
    np.testing.assert_allclose(one[4:], ONE[4:, 2] - ONE[4:, 1])
    assert np.all(ten < one) and np.all(many < ten)
    assert np.all(many > 0.5 * one)  # what they have in common stays
    assert together(np.zeros((0, 6, 3))) is None


def test_a_few_images_of_something_else_do_not_carry_the_rest_along() -> None:
    many = np.repeat(ONE[None], 10, axis=0)
    many[:3] *= 20
    found = together(many)
    assert found is not None and found.mass_kda.value == pytest.approx(400)


def _head(features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Read something that differs from image to image off what stands for features."""
    mean = torch.tensor([4.0, 3.0, 2.5, 2.0, 0.7, 0.6]) + 0.1 * features[:, 136:137]
    return mean, torch.full((len(features), 6), 0.2)


def test_rows_and_sets_say_what_each_image_alone_does(
    pooling_index: "SearchIndex",
    images: NDArray[np.float32],
    write_images: Write,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pooling_index, "quantity_head", _head)
    stack = str(write_images(images[:4], tmp_path / "four.mrcs"))
    settings = BatchSettings(contrast="bright", top=2, rerank=0, by="stack", match_per_set=1)
    report = run_batch(pooling_index, open_particles(stack), tmp_path / "hits.parquet", settings)
    rows = pq.read_table(tmp_path / "hits.parquet").to_pylist()
    alone = search_file(pooling_index, stack, contrast="bright", rerank=0)
    for row, answer in zip(rows, alone, strict=True):
        assert answer.quantities is not None
        for name in QUANTITIES:
            read = getattr(answer.quantities, name)
            found = [row[f"picture_{name}{end}"] for end in ("", "_low", "_high")]
            assert found == pytest.approx([read.value, read.low, read.high], rel=1e-4)
        assert row["picture_shape"] == answer.quantities.shape == "ring-like"
    assert len({row["picture_mass_kda"] for row in rows}) == 4
    (told,) = report.sets
    assert told.quantities is not None and told.shapes == (("ring-like", 4),)
    masses = np.array([row["picture_mass_kda"] for row in rows])
    assert told.quantities.mass_kda.value == pytest.approx(np.exp(np.median(np.log(masses))), rel=1e-4)
    (of_set,) = pq.read_table(report.sets_output).to_pylist()
    assert of_set["picture_mass_kda_low"] == pytest.approx(told.quantities.mass_kda.low)
    assert of_set["picture_shape"] == "ring-like"
