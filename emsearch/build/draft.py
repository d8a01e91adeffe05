"""A draft of the index that a build makes, for the stages that need one to search in."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from emsearch.build.publishing import publish_into
from emsearch.build.stages import Job
from emsearch.search.engine import SearchIndex, open_index

__all__ = ["opened_draft"]


@contextmanager
def opened_draft(job: Job, before: str) -> Iterator[SearchIndex]:
    """Open what the stages before ``before`` made as an index, which goes again at the end of the block."""
    draft = job.workspace.root / "draft"
    shutil.rmtree(draft, ignore_errors=True)
    publish_into(job, draft, before)
    yield open_index(draft, device=job.settings.device)
    shutil.rmtree(draft)
