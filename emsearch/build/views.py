"""Index: the network and the bead models to embedded views, FAISS files and the table ``views``.

The embeddings of a structure are kept under the identity of network, beads and grid, so that a killed build, or one
with some new structures and the old network, embeds only what is missing.
"""

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emsearch.build.embedding import VIEW_RESOLUTION_ANGSTROM, Embedder, view_grid
from emsearch.build.identity import identity_of
from emsearch.build.progress import Ticker
from emsearch.build.settings import BuildSettings
from emsearch.build.stages import Job, Outcome, Stage, Stamp, require_before
from emsearch.build.view_rows import StructureViews, view_columns
from emsearch.build.workspace import Workspace, written_whole
from emsearch.structures.beads import BeadArchive
from emsearch_index.catalogue import Catalogue
from emsearch_index.manifest import hash_file
from emsearch_index.vectors import VectorStats, write_vectors

__all__ = ["INDEX"]


@dataclass(frozen=True, slots=True)
class _Entry:
    """A structure to index, with what its size class prescribes."""

    structure: str
    group: str
    size_class: str
    representative: bool
    pixel_size_angstrom: float
    box_px: int

    def fills(self, settings: BuildSettings) -> tuple[float, ...]:
        """Return the heights of the stain at which it is indexed."""
        return settings.fills if self.representative else settings.member_fills


def _identity(job: Job) -> str:
    outputs = [stamp.output for stamp in require_before(job.workspace, "index")]
    s = job.settings
    return identity_of("index", outputs, s.nside, s.fills, s.member_fills, VIEW_RESOLUTION_ANGSTROM)


def _whole(job: Job, stamp: Stamp) -> bool:
    files = [job.workspace.vectors(name) for name in stamp.facts["vectors"]]
    return all(path.exists() for path in files) and _output(files) == stamp.output


def _run(job: Job) -> Outcome:
    job.workspace.view_folder.mkdir(exist_ok=True)
    with Catalogue.create(job.workspace.catalogue) as catalogue:
        entries = _entries(catalogue)
        _embed_all(job, entries)
        stats: dict[str, VectorStats] = {}
        for size_class in dict.fromkeys(entry.size_class for entry in entries):
            members = [entry for entry in entries if entry.size_class == size_class]
            stats[size_class] = one = _write_vectors(job, size_class, members)
            job.report(
                f"index: {size_class}: {one.vectors:,} vectors, {one.kind}, {one.bytes / 1e6:.1f} MB, "
                f"recall at 10 {one.recall_at_10:.3f}"
            )
        views = [_views_of(job.settings, entry) for entry in entries]
        catalogue.replace_all("views", view_columns(views, dict.fromkeys(stats, 0)))
    _remove_others(job.workspace, entries, stats)
    facts = {"vectors": {name: dataclasses.asdict(one) for name, one in stats.items()}}
    return Outcome(_output([job.workspace.vectors(name) for name in stats]), facts)


def _output(files: Iterable[Path]) -> str:
    return identity_of([(path.name, hash_file(path).sha256) for path in sorted(files)])


def _entries(catalogue: Catalogue) -> list[_Entry]:
    """Return all structures by size class and group, the representative of each group first."""
    rows = catalogue.rows(
        "SELECT m.structure_id, m.group_id, g.size_class, m.structure_id = g.representative_id AS representative, "
        "c.pixel_size_angstrom, c.box_px "
        "FROM group_members m JOIN groups g ON g.id = m.group_id JOIN size_classes c ON c.name = g.size_class "
        "ORDER BY c.dmax_min_angstrom, m.group_id, representative DESC, m.structure_id"
    )
    return [
        _Entry(
            row["structure_id"],
            row["group_id"],
            row["size_class"],
            row["representative"],
            row["pixel_size_angstrom"],
            row["box_px"],
        )
        for row in rows
    ]


def _embed_all(job: Job, entries: Sequence[_Entry]) -> None:
    """Embed the views of every structure whose file of views is missing or was made from something else."""
    weights = hash_file(job.workspace.weights).sha256
    wanted = {entry.structure: _views_identity(job, entry, weights) for entry in entries}
    missing = [entry for entry in entries if _made_from(job, entry) != wanted[entry.structure]]
    if not missing:
        return
    embedder = Embedder(job.workspace.weights, job.settings.device)
    archive = BeadArchive(job.workspace.beads)
    ticker = Ticker(job.report, "index: structures embedded", len(missing))
    for entry in missing:
        grid = view_grid(job.settings.nside, entry.fills(job.settings))
        embedding = embedder.embed(archive[entry.structure], grid, entry.pixel_size_angstrom, entry.box_px)
        with written_whole(job.workspace.view_file(entry.structure)) as part:
            np.savez(part, embedding=embedding, made_from=np.array(wanted[entry.structure]))
        ticker.step()


def _views_identity(job: Job, entry: _Entry, weights: str) -> str:
    beads = hash_file(job.workspace.bead_file(entry.structure)).sha256
    grid = (job.settings.nside, entry.fills(job.settings), VIEW_RESOLUTION_ANGSTROM)
    return identity_of(weights, beads, grid, entry.pixel_size_angstrom, entry.box_px)


def _made_from(job: Job, entry: _Entry) -> str | None:
    path = job.workspace.view_file(entry.structure)
    if not path.exists():
        return None
    with np.load(path, allow_pickle=False) as file:
        return str(file["made_from"])


def _write_vectors(job: Job, size_class: str, entries: Sequence[_Entry]) -> VectorStats:
    """Write the FAISS file of a size class: structure by structure, each in the order of its grid."""
    parts = []
    for entry in entries:
        with np.load(job.workspace.view_file(entry.structure), allow_pickle=False) as file:
            parts.append(file["embedding"])
    vectors = np.concatenate(parts).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return write_vectors(vectors, job.workspace.vectors(size_class), seed=job.settings.seed)


def _views_of(settings: BuildSettings, entry: _Entry) -> StructureViews:
    grid = view_grid(settings.nside, entry.fills(settings))
    return StructureViews(entry.structure, entry.group, entry.size_class, grid)


def _remove_others(workspace: Workspace, entries: Sequence[_Entry], classes: Iterable[str]) -> None:
    """Remove the files of structures and size classes that are no more."""
    kept = {workspace.view_file(entry.structure) for entry in entries}
    kept |= {workspace.vectors(size_class) for size_class in classes}
    for path in [*workspace.view_folder.iterdir(), *workspace.root.glob("views-*.faiss")]:
        if path not in kept:
            path.unlink()


INDEX = Stage("index", _identity, _whole, _run)
