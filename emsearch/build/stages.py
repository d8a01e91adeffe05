"""What a stage is, and the record that a finished one leaves.

A stage has an identity: the hash of all that it depends on. Where the record of the last run bears the same
identity, and what it made is still there, the stage does not run again. The record also holds the output of the
stage before at that time, so that a later stage notices that one in between was left out.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from emsearch.build.inputs import Source
from emsearch.build.settings import STAGES, BuildSettings
from emsearch.build.workspace import Workspace, written_whole
from emsearch_index.errors import UsageError

__all__ = ["Job", "Outcome", "Stage", "Stamp", "read_stamp", "require_before", "write_stamp"]


@dataclass(frozen=True, slots=True)
class Job:
    """One build: its files, its folder, its settings and who listens.

    ``sources`` is empty where the build does not ingest.
    """

    sources: tuple[Source, ...]
    out: Path
    workspace: Workspace
    settings: BuildSettings
    report: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a stage made: the identity of its result, and facts for the report and the configuration."""

    output: str
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Stamp:
    """The record of a finished stage.

    ``seconds`` and ``peak_mb`` are those of the run that finished it; what an interrupted one did before is not in
    them.
    """

    identity: str
    after: str
    output: str
    seconds: float
    peak_mb: float | None
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage: ``identity`` of its input, whether what it made is ``whole``, and ``run``."""

    name: str
    identity: Callable[[Job], str]
    whole: Callable[[Job, Stamp], bool]
    run: Callable[[Job], Outcome]


def read_stamp(workspace: Workspace, stage: str) -> Stamp | None:
    """Return the record of a stage, or None where it never finished."""
    path = workspace.stamp(stage)
    return Stamp(**json.loads(path.read_bytes())) if path.exists() else None


def write_stamp(workspace: Workspace, stage: str, stamp: Stamp) -> None:
    """Write the record of a stage."""
    with written_whole(workspace.stamp(stage)) as part:
        part.write_text(json.dumps(asdict(stamp), indent=1, sort_keys=True), encoding="utf-8")


def require_before(workspace: Workspace, stage: str) -> tuple[Stamp, ...]:
    """Return the records of all stages before ``stage``; UsageError where one has yet to run."""
    stamps: list[Stamp] = []
    for name in STAGES[: STAGES.index(stage)]:
        stamp = read_stamp(workspace, name)
        if stamp is None or stamp.after != (stamps[-1].output if stamps else ""):
            raise UsageError(
                f"the stage {stage} needs the stage {name}, which has not run on the present inputs; "
                "leave out --stages, or name that stage too"
            )
        stamps.append(stamp)
    return tuple(stamps)
