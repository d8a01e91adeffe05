"""What is held does not grow with the stack."""

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray

from emsearch.batch import chunks
from emsearch.batch.run import run_batch
from emsearch.batch.settings import BatchSettings
from emsearch.particles.source import open_particles

if TYPE_CHECKING:
    from emsearch.search.engine import SearchIndex


def test_ten_times_the_particles_need_no_more_memory(
    pooling_index: "SearchIndex",
    write_images: Callable[[NDArray[np.float32], Path], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(chunks, "_LARGEST_CHUNK", 20)  # so that even the short stack fills what is read ahead
    noise = np.random.default_rng(0).standard_normal((2000, 48, 48)).astype(np.float32)
    peaks = []
    for count in (40, 200, 2000):  # the first loads what is loaded once
        path = write_images(noise[:count], tmp_path / f"{count}.mrcs")
        source = open_particles(str(path))
        tracemalloc.start()
        run_batch(
            pooling_index,
            source,
            tmp_path / f"{count}.parquet",
            BatchSettings(contrast="dark", top=1, rerank=0),
        )
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[2] - peaks[1] < (noise[200:].nbytes) / 10
