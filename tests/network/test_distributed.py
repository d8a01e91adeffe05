import json
import os
import subprocess
import sys
from pathlib import Path

from emsearch.network.checkpoint import load_state
from emsearch.network.train import pick_device


def test_two_processes_train_one_network(training_file: Path, tmp_path: Path) -> None:
    """Rehearses torchrun on the CPU (gloo): both processes end well, and go on together where they stopped."""
    out = tmp_path / "run"
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    train = ["-m", "emsearch.network.train", str(training_file), "--out", str(out)]
    for images in (64, 128):
        told = ["--images", str(images), "--batch", "16", "--device", "cpu"]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run(
            [*launch, *train, *told],
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert [line["images"] for line in lines] == [64, 128]
    assert load_state(out / "state.pt", pick_device("cpu"))["step"] == 4
