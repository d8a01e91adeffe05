"""Calibrate: how sure an answer may be, fitted on simulated images of the index's own structures."""

import json

from emsearch.build.draft import opened_draft
from emsearch.build.identity import identity_of
from emsearch.build.stages import Job, Outcome, Stage, Stamp, require_before
from emsearch.build.workspace import written_whole
from emsearch.evaluation.calibrating import calibrate

__all__ = ["CALIBRATE"]


def _identity(job: Job) -> str:
    before = [stamp.output for stamp in require_before(job.workspace, "calibrate")]
    return identity_of("calibrate", before, job.settings.calibration_images, job.settings.seed)


def _whole(job: Job, stamp: Stamp) -> bool:
    return job.workspace.calibration.exists() and job.workspace.size_class_model.exists()


def _run(job: Job) -> Outcome:
    """Search simulated images in a draft of the index."""
    files = (job.workspace.calibration, job.workspace.size_class_model)
    for stale in (*files, job.workspace.evaluation):
        stale.unlink(missing_ok=True)
    images, seed = job.settings.calibration_images, job.settings.seed + 1
    with opened_draft(job, "calibrate") as index:
        size_classes, found = (fitted.to_json() for fitted in calibrate(index, images, seed, job.report))
    for file, values in zip(files, (found, size_classes), strict=True):
        with written_whole(file) as part:
            part.write_text(json.dumps(values, indent=1), encoding="utf-8")
    return Outcome(identity_of(found, size_classes), {"images": images, **found})


CALIBRATE = Stage("calibrate", _identity, _whole, _run)
