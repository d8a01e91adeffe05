"""A batch that is killed at any moment loses no particle and repeats none."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from emsearch.batch.parts import parts_folder
from emsearch.batch.run import run_batch
from emsearch.batch.settings import BatchSettings
from emsearch.particles.source import open_particles

if TYPE_CHECKING:
    from emsearch.search.engine import SearchIndex

ROOT = Path(__file__).resolve().parents[2]

PROGRAM = """
import os, signal, sys
from pathlib import Path

from conftest import PoolingIndex, lobed_beads
from emsearch.batch import chunks
from emsearch.batch.run import run_batch
from emsearch.batch.settings import BatchSettings
from emsearch.particles.source import open_particles

folder, stack, output, renames, after = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]), sys.argv[5]
index = PoolingIndex({f"blob{seed}": lobed_beads(seed) for seed in range(5)}, folder)
chunks._LARGEST_CHUNK = 8
replace, left = Path.replace, renames

def counted(path, target):
    global left
    left -= 1
    if left == 0 and after == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    replace(path, target)
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

Path.replace = counted
settings = BatchSettings(contrast="auto", top=3, rerank=0)
run_batch(index, open_particles(stack), output, settings)
"""


def killed(folder: Path, stack: Path, output: Path, renames: int, moment: str) -> int:
    """Return how a batch ends that is killed before or after it renames a file for the n-th time."""
    paths = [str(ROOT / part) for part in (".", "index", "cli", "tests")]
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder), str(stack), str(output), str(renames), moment],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        timeout=300,
    ).returncode


@pytest.mark.usefixtures("small_chunks")
def test_killed_at_several_moments_the_answers_are_those_of_one_run(
    pooling_index: "SearchIndex", stack: Path, tmp_path: Path
) -> None:
    settings = BatchSettings(contrast="auto", top=3, rerank=0)
    run_batch(pooling_index, open_particles(str(stack)), tmp_path / "whole.parquet", settings)
    output = tmp_path / "hits.parquet"
    # The record and three chunks are renamed, then the file to "assembled" and to its name.
    for renames, moment in ((3, "before"), (1, "after"), (3, "after")):
        assert killed(tmp_path, stack, output, renames, moment) == -signal.SIGKILL
        assert output.exists() == ((renames, moment) == (3, "after"))
        assert parts_folder(output).exists()
    run_batch(pooling_index, open_particles(str(stack)), output, settings)
    assert pq.read_table(output).equals(pq.read_table(tmp_path / "whole.parquet"))
    assert not parts_folder(output).exists()
