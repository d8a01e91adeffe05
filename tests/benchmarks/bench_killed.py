"""Whether a batch that is killed at random moments ends with the answers of one that was not.

    python -m tests.benchmarks.bench_killed FOLDER [--particles 200] [--kills 10] [--seed 0] [--index DIR]

Searches a stack as `tests/benchmarks/bench_batch.py` simulates it, in chunks of few particles, with sets and a mixture of
few matched images, once from beginning to end. Then as often as it takes a process is started that does the same into
another file, and is sent SIGKILL at a random moment after its index is open; each goes on where the one before it ended,
or begins anew where that had come to its end. The last one is left alone, and its tables are compared with the first's.
"""

import argparse
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from emsearch.batch import chunks, stack_mixture
from emsearch.batch.parts import parts_folder
from emsearch.batch.run import run_batch
from emsearch.batch.settings import BatchSettings
from emsearch.particles.source import open_particles
from emsearch.search.engine import open_index
from tests.benchmarks.bench_batch import simulate

CHUNK_PARTICLES, MATCHED_FOR_MIXTURE = 16, 10
READY = "ready"
SETTINGS = BatchSettings(rerank=0, by="rlnClassNumber", match_per_set=1, mixture=True)


def search(folder: Path, output: Path, index_dir: Path | None) -> None:
    """Search the stack, or go on with it; say when that begins."""
    chunks._LARGEST_CHUNK = CHUNK_PARTICLES
    stack_mixture.MIXTURE_IMAGES = MATCHED_FOR_MIXTURE
    index, source = open_index(index_dir), open_particles(str(folder / "particles.star"))
    print(READY, flush=True)
    run_batch(index, source, output, SETTINGS)


def started(options: argparse.Namespace, output: Path) -> subprocess.Popen[str]:
    """Start a search in a process of its own, and wait until it begins."""
    index = ["--index", str(options.index)] if options.index else []
    command = [sys.executable, "-m", "tests.benchmarks.bench_killed", str(options.folder), *index]
    process = subprocess.Popen([*command, "--output", str(output)], stdout=subprocess.PIPE, text=True)
    assert process.stdout and process.stdout.readline().strip() == READY
    return process


def tables(output: Path) -> list[Path]:
    """Return the files that a search writes."""
    return [output, output.with_suffix(".sets.parquet")]


def same(output: Path, whole: Path) -> bool:
    """Tell whether two searches wrote the same tables, row by row."""
    return all(
        pq.read_table(a).equals(pq.read_table(b)) for a, b in zip(tables(output), tables(whole), strict=True)
    )


def main() -> None:
    """Simulate, search, kill, compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--particles", type=int, default=200)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--index", type=Path, default=None)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=None, help=argparse.SUPPRESS)  # in the processes
    options = parser.parse_args()
    if options.output:
        search(options.folder, options.output, options.index)
        return
    options.folder.mkdir(parents=True, exist_ok=True)
    if not (options.folder / "truth.npz").exists():
        simulate(options.folder, options.index, options.particles, options.seed)
    whole, output = options.folder / "whole.parquet", options.folder / "killed.parquet"
    for path in (*tables(whole), *tables(output)):
        path.unlink(missing_ok=True)
        shutil.rmtree(parts_folder(path), ignore_errors=True)
    process, start = started(options, whole), time.perf_counter()
    assert process.wait() == 0
    seconds = time.perf_counter() - start
    print(f"from beginning to end in {seconds:.0f} s", flush=True)
    rng, kills, equal = np.random.default_rng(options.seed), 0, []
    while True:
        process = started(options, output)
        try:
            code = process.wait(
                rng.uniform(0, 2 * seconds / options.kills) if kills < options.kills else None
            )
        except subprocess.TimeoutExpired:
            process.kill()
            assert process.wait() == -signal.SIGKILL
            kills += 1
            there = sorted(path.name for path in parts_folder(output).iterdir() if path.name != "lock")
            print(
                f"killed {kills} times, {len(there)} parts there, the last of them {there[-1:]}", flush=True
            )
            continue
        assert code == 0
        equal.append(same(output, whole))
        print(f"ended after {kills} kills, {'the same' if equal[-1] else 'OTHER'} rows", flush=True)
        if kills == options.kills:
            break
        for path in tables(output):
            path.unlink()
    sys.exit(0 if all(equal) else 1)


if __name__ == "__main__":
    main()
