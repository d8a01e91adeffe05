"""Train: the training set to the network's weights and the curves of training."""

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

from emsearch.build.identity import identity_of
from emsearch.build.stages import Job, Outcome, Stage, Stamp, require_before
from emsearch.build.workspace import written_whole
from emsearch.network.checkpoint import save_weights
from emsearch.network.curves import read_log, write_curves
from emsearch.network.live import LiveTable
from emsearch.network.progress import Progress, progress_line
from emsearch.network.train import train
from emsearch.network.training_set import read_training_set
from emsearch_index.manifest import hash_file

__all__ = ["TRAIN"]


def _identity(job: Job) -> str:
    training_set = require_before(job.workspace, "train")[-1].output
    return identity_of("train", training_set, dataclasses.asdict(job.settings.training_settings()))


def _whole(job: Job, stamp: Stamp) -> bool:
    path = job.workspace.weights
    return path.exists() and hash_file(path).sha256 == stamp.output


def _run(job: Job) -> Outcome:
    workspace = job.workspace
    _clear_unless(workspace.training, _identity(job))
    training_set = read_training_set(workspace.training_set)
    job.report(
        f"train: {len(training_set.structures)} structures, {len(training_set.groups)} groups, "
        f"{len(training_set.classes)} size classes"
    )
    with LiveTable() as live:

        def report(progress: Progress) -> None:
            job.report(progress_line(progress))
            live.show(progress)

        network = train(training_set, workspace.training, job.settings.training_settings(), report)
    with written_whole(workspace.weights) as part:
        save_weights(part, network)
    log = workspace.training / "log.jsonl"
    picture, table = workspace.curves
    with written_whole(picture) as png, written_whole(table) as parquet:
        write_curves(log, png, parquet)
    return Outcome(hash_file(workspace.weights).sha256, _summary(log))


def _clear_unless(folder: Path, identity: str) -> None:
    """Empty the folder of the run unless it belongs to the present training set and settings."""
    mark = folder / "identity.json"
    if mark.exists() and json.loads(mark.read_bytes())["identity"] == identity:
        return
    if folder.exists():
        mark.unlink(missing_ok=True)  # first, so that a half emptied folder is never taken for a whole one
        shutil.rmtree(folder)
    folder.mkdir()
    with written_whole(mark) as part:
        part.write_text(json.dumps({"identity": identity}), encoding="utf-8")


def _summary(log: Path) -> dict[str, Any]:
    """Return images, seconds and the last figures on unseen views."""
    records = read_log(log)
    validated = [record["validation"] for record in records if record["validation"] is not None]
    return {
        "images": records[-1]["images"],
        "seconds": round(records[-1]["seconds"], 1),
        "validation": validated[-1],
    }


TRAIN = Stage("train", _identity, _whole, _run)
