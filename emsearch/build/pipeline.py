"""The one place that chains the steps into an index."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from emsearch.build.inputs import find_sources
from emsearch.build.memory import watched
from emsearch.build.progress import duration
from emsearch.build.settings import STAGES, BuildSettings
from emsearch.build.stages import Job, Stage, Stamp, read_stamp, require_before, write_stamp
from emsearch.build.workspace import Workspace, locked
from emsearch_index.errors import UsageError

__all__ = ["BuildReport", "StageReport", "build"]


@dataclass(frozen=True, slots=True)
class StageReport:
    """What a stage cost: ``peak_mb`` over all its processes, None where the system does not tell.

    ``ran`` is false where nothing had changed since; time and memory are then those of the run that did the work.
    """

    name: str
    ran: bool
    seconds: float
    peak_mb: float | None


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What a build came to; None for what its stages did not reach."""

    generation: str | None
    structures: int | None
    groups: int | None
    left_out: int | None
    stages: tuple[StageReport, ...]


def build(
    inputs: Sequence[Path],
    out: Path,
    settings: BuildSettings,
    *,
    stages: Sequence[str] = STAGES,
    report: Callable[[str], None],
) -> BuildReport:
    """Build an index from structure and map files, or go on with a build that was interrupted.

    Parameters
    ----------
    inputs : sequence of Path
        Files, and folders whose files are taken (not those of folders inside them).
    out : Path
        The index; ``out/work`` holds what the stages make. A stage whose input did not change is not run again.
    settings : BuildSettings
    stages : sequence of str
        Which of `STAGES` to run, in that order.
    report : callable of one line
        Is told how far the build is.

    Raises
    ------
    InputError
        An input that is no structure file, or none that could be used.
    UsageError
        A stage that is unknown or lacks one before it, or a folder that another build holds.
    """
    chosen = [name for name in STAGES if name in stages]
    if len(chosen) != len(set(stages)) or not chosen:
        raise UsageError(f"found the stages {', '.join(stages) or 'none'}; choose among {', '.join(STAGES)}")
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file where the folder of the index is expected; name another")
    workspace = Workspace(out / "work")
    workspace.root.mkdir(parents=True, exist_ok=True)
    with locked(workspace.root):
        sources = find_sources(inputs) if "ingest" in chosen else ()
        job = Job(sources, out, workspace, settings, report)
        done = [_brought_up_to_date(job, _stage(name)) for name in chosen]
    return _report(workspace, tuple(done))


def _stage(name: str) -> Stage:
    """Return a stage; the libraries that it needs (DuckDB, torch, FAISS) are imported with it."""
    if name == "ingest":
        from emsearch.build.ingest import INGEST as stage
    elif name == "group":
        from emsearch.build.grouping import GROUP as stage
    elif name == "train":
        from emsearch.build.training import TRAIN as stage
    elif name == "index":
        from emsearch.build.views import INDEX as stage
    elif name == "calibrate":
        from emsearch.build.calibrating import CALIBRATE as stage
    elif name == "quantities":
        from emsearch.build.quantities import QUANTITIES as stage
    else:
        from emsearch.build.publishing import PUBLISH as stage
    return stage


def _brought_up_to_date(job: Job, stage: Stage) -> StageReport:
    """Run a stage unless its record shows that there is nothing to do, and record it."""
    before = require_before(job.workspace, stage.name)
    after = before[-1].output if before else ""
    identity = stage.identity(job)
    old = read_stamp(job.workspace, stage.name)
    if old is not None and old.identity == identity and stage.whole(job, old):
        stamp, ran = replace(old, after=after), False
        job.report(f"{stage.name}: nothing has changed")
    else:
        started = time.monotonic()
        with watched() as peak:
            outcome = stage.run(job)
        seconds = time.monotonic() - started
        stamp, ran = Stamp(identity, after, outcome.output, seconds, peak.megabytes, outcome.facts), True
        memory = "" if peak.megabytes is None else f", {peak.megabytes:,.0f} MB at most"
        job.report(f"{stage.name}: done in {duration(seconds)}{memory}")
    write_stamp(job.workspace, stage.name, stamp)
    return StageReport(stage.name, ran, stamp.seconds, stamp.peak_mb)


def _report(workspace: Workspace, done: tuple[StageReport, ...]) -> BuildReport:
    def fact(stage: str, name: str) -> int | None:
        stamp = read_stamp(workspace, stage)
        return stamp.facts[name] if stamp is not None else None

    publication = read_stamp(workspace, "publish") if done[-1].name == "publish" else None
    return BuildReport(
        generation=str(publication.facts["generation"]) if publication is not None else None,
        structures=fact("ingest", "structures"),
        groups=fact("group", "groups"),
        left_out=fact("ingest", "left_out"),
        stages=done,
    )
