"""Calibrate: how sure an answer may be, fitted on simulated images of the index's own structures."""

import json
import shutil

from emsearch.build.identity import identity_of
from emsearch.build.publishing import publish_into
from emsearch.build.stages import Job, Outcome, Stage, Stamp, require_before
from emsearch.build.workspace import written_whole
from emsearch.evaluation.calibrating import calibrate
from emsearch.search.engine import open_index

__all__ = ["CALIBRATE"]


def _identity(job: Job) -> str:
    before = [stamp.output for stamp in require_before(job.workspace, "calibrate")]
    return identity_of("calibrate", before, job.settings.calibration_images, job.settings.seed)


def _whole(job: Job, stamp: Stamp) -> bool:
    return job.workspace.calibration.exists()


def _run(job: Job) -> Outcome:
    """Search simulated images in a draft of the index, which goes again when its calibration is known."""
    draft = job.workspace.root / "draft"
    for stale in (job.workspace.calibration, job.workspace.evaluation):
        stale.unlink(missing_ok=True)
    shutil.rmtree(draft, ignore_errors=True)
    publish_into(job, draft, "calibrate")
    index = open_index(draft, device=job.settings.device)
    found = calibrate(index, job.settings.calibration_images, job.settings.seed + 1, job.report).to_json()
    with written_whole(job.workspace.calibration) as part:
        part.write_text(json.dumps(found, indent=1), encoding="utf-8")
    shutil.rmtree(draft)
    return Outcome(identity_of(found), {"images": job.settings.calibration_images, **found})


CALIBRATE = Stage("calibrate", _identity, _whole, _run)
