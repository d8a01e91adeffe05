"""Ingest: files to bead models, and to rows of ``structures``, ``chains`` and ``left_out``.

A structure is there once its bead model is, under its file's hash, and then its row. A process killed in between
reads that file again.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from emsearch.build.identity import identity_of
from emsearch.build.inputs import Source
from emsearch.build.progress import Ticker
from emsearch.build.rows import chain_rows, structure_row
from emsearch.build.stages import Job, Outcome, Stage, Stamp
from emsearch.build.workspace import Workspace, written_whole
from emsearch.shapes.reading import read_files
from emsearch.structures.beads import BeadArchive, write_bead_archive
from emsearch.structures.model import Structure
from emsearch_index.catalogue import Catalogue
from emsearch_index.errors import InputError
from emsearch_index.manifest import hash_file

__all__ = ["INGEST"]


@dataclass(slots=True)
class _Taken:
    """What has become of the files so far: the source of each structure, and why others are left out."""

    source: dict[str, Source] = field(default_factory=dict)
    left_out: dict[str, dict[str, Any]] = field(default_factory=dict)

    def leave_out(self, source: Source, reason: str) -> None:
        self.left_out[source.name] = {
            "source": source.name,
            "source_sha256": source.sha256,
            "reason": reason,
        }


def _identity(job: Job) -> str:
    files = [(source.name, source.structure, source.sha256) for source in job.sources]
    return identity_of("ingest", files, job.settings.map_level)


def _whole(job: Job, _stamp: Stamp) -> bool:
    return job.workspace.catalogue.exists() and job.workspace.beads.exists()


def _run(job: Job) -> Outcome:
    job.workspace.bead_folder.mkdir(exist_ok=True)
    with Catalogue.create(job.workspace.catalogue) as catalogue:
        taken = _take_all(job, catalogue)
        if not taken.source:
            raise InputError(
                f"none of the {len(job.sources)} files could be used; the first of them: "
                f"{next(iter(taken.left_out.values()))['reason']}"
            )
        _remove_others(job.workspace, catalogue, taken)
    output = _join_beads(job.workspace, sorted(taken.source))
    for row in taken.left_out.values():
        job.report(f"left out: {row['reason']}")
    return Outcome(output, {"structures": len(taken.source), "left_out": len(taken.left_out)})


def _take_all(job: Job, catalogue: Catalogue) -> _Taken:
    """Read, for each structure, the first of its files by name that can be read."""
    taken = _Taken()
    offers: dict[str, list[Source]] = {}
    for source in job.sources:
        offers.setdefault(source.structure, []).append(source)
    ticker = Ticker(job.report, "ingest: files", len(offers))
    turn = 0
    while untried := [names[turn] for names in offers.values() if turn < len(names)]:
        wanted = [source for source in untried if source.structure not in taken.source]
        for source in untried:
            if source.structure in taken.source:
                first = taken.source[source.structure].name
                taken.leave_out(source, f"{source.name}: is {source.structure}, as is {first}; rename one.")
        for source, problem in _take(job, catalogue, wanted):
            if problem is None:
                taken.source[source.structure] = source
            else:
                taken.leave_out(source, problem)
            if turn == 0:
                ticker.step()
        turn += 1
    return taken


def _take(job: Job, catalogue: Catalogue, sources: list[Source]) -> Iterator[tuple[Source, str | None]]:
    """Bring sources into the catalogue, those that are there already at once; yield each with its problem, if any."""
    rows = catalogue.rows("SELECT id, source, source_sha256 FROM structures")
    known = {row["id"]: (row["source"], row["source_sha256"]) for row in rows}
    stale: dict[Path, Source] = {}
    for source in sources:
        there = known.get(source.structure) == (source.name, source.sha256)
        if there and _bead_identity(job.workspace.bead_file(source.structure)) == _marked(
            job, source.structure, source.sha256
        ):
            yield source, None
        else:
            stale[source.path] = source
    answers = read_files(list(stale), map_level=job.settings.map_level, workers=job.settings.workers)
    for path, answer in answers:
        if isinstance(answer, Structure):
            _save(job, catalogue, answer, stale[path].name, known=answer.id in known)
        yield stale[path], answer if isinstance(answer, str) else None


def _marked(job: Job, structure: str, sha256: str | None) -> str:
    """Return what a bead model is marked with: the file and, of a map, the contour level that it was made from."""
    return identity_of(sha256, job.settings.map_level if structure.endswith("_map") else None)


def _bead_identity(path: Path) -> str | None:
    return str(BeadArchive(path).array("made_from")) if path.exists() else None


def _save(job: Job, catalogue: Catalogue, structure: Structure, source: str, *, known: bool) -> None:
    made_from = np.array(_marked(job, structure.id, structure.source_sha256))
    with written_whole(job.workspace.bead_file(structure.id)) as part:
        write_bead_archive(part, [(structure.id, structure.beads)], made_from=made_from)
    with catalogue.transaction():
        if known:
            _forget(catalogue, structure.id)
        catalogue.upsert("structures", [structure_row(structure, source)])
        catalogue.upsert("chains", chain_rows(structure))


def _forget(catalogue: Catalogue, structure: str) -> None:
    """Delete all that was found from a structure's beads and chains."""
    catalogue.delete("chains", structure_id=structure)
    catalogue.delete("similarities", structure_a=structure)
    catalogue.delete("similarities", structure_b=structure)
    catalogue.delete("group_members", structure_id=structure)
    for row in catalogue.rows("SELECT id FROM groups WHERE representative_id = ?", [structure]):
        catalogue.delete("group_members", group_id=row["id"])


def _remove_others(workspace: Workspace, catalogue: Catalogue, taken: _Taken) -> None:
    """Remove structures that no file stands for any more, and say which files were left out."""
    listed = [row["id"] for row in catalogue.rows("SELECT id FROM structures")]
    gone = [name for name in listed if name not in taken.source]
    with catalogue.transaction():
        for structure in gone:
            _forget(catalogue, structure)
            catalogue.delete("structures", id=structure)
        catalogue.delete("left_out")
        catalogue.upsert("left_out", taken.left_out.values())
    kept = {workspace.bead_file(structure) for structure in taken.source}
    for path in workspace.bead_folder.iterdir():
        if path not in kept:
            path.unlink()


def _join_beads(workspace: Workspace, structures: Iterable[str]) -> str:
    """Write the bead models of all structures into one archive; return the identity of all of them."""
    files = [(structure, workspace.bead_file(structure)) for structure in structures]
    identity = identity_of([(structure, hash_file(path).sha256) for structure, path in files])
    if not workspace.beads.exists() or str(BeadArchive(workspace.beads).array("made_from")) != identity:
        models = ((structure, BeadArchive(path)[structure]) for structure, path in files)
        with written_whole(workspace.beads) as part:
            write_bead_archive(part, models, made_from=np.array(identity))
    return identity


INGEST = Stage("ingest", _identity, _whole, _run)
