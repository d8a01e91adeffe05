"""Quantities: a head that reads mass, size, shape and stain off an image, fitted on simulated images of all structures."""

from emsearch.build.draft import opened_draft
from emsearch.build.identity import identity_of
from emsearch.build.stages import Job, Outcome, Stage, Stamp, require_before
from emsearch.build.workspace import written_whole
from emsearch.evaluation.quantities import fit_quantities
from emsearch.network.quantities import save_head
from emsearch_index.manifest import hash_file

__all__ = ["QUANTITIES"]


def _identity(job: Job) -> str:
    """Return the identity of network and structures, and of the settings; probabilities have no part in it."""
    before = [stamp.output for stamp in require_before(job.workspace, "calibrate")]
    return identity_of("quantities", before, job.settings.quantity_images, job.settings.seed)


def _whole(job: Job, stamp: Stamp) -> bool:
    return job.workspace.quantity_head.exists() == (job.settings.quantity_images > 0)


def _run(job: Job) -> Outcome:
    """Draw the images and fit the head."""
    path = job.workspace.quantity_head
    path.unlink(missing_ok=True)
    images, seed = job.settings.quantity_images, job.settings.seed + 2
    if not images:
        return Outcome(identity_of("quantities", None), {})
    with opened_draft(job, "quantities") as index:
        head = fit_quantities(index, images, seed, job.report)
    with written_whole(path) as part:
        save_head(part, head)
    return Outcome(hash_file(path).sha256, {"images": images, "seed": seed})


QUANTITIES = Stage("quantities", _identity, _whole, _run)
