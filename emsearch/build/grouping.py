"""Group: bead models to similarities, shape groups and size classes, and to the training set.

Scores are kept as they come, poses at the end; both are computed again only where ``ingest`` has deleted them
because one of the two structures changed.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from emsearch.build.described import Described, describe_structures
from emsearch.build.group_tables import PosedMember, group_tables
from emsearch.build.identity import identity_of
from emsearch.build.progress import Ticker
from emsearch.build.stages import Job, Outcome, Stage, Stamp, require_before
from emsearch.build.workspace import written_whole
from emsearch.network.training_set import write_training_set
from emsearch.shapes.candidates import candidate_pairs
from emsearch.shapes.clustering import ShapeGroup, cluster_shapes
from emsearch.shapes.compare import compare_pairs
from emsearch.structures.beads import BeadArchive
from emsearch_index.catalogue import Catalogue
from emsearch_index.manifest import hash_file

__all__ = ["GROUP"]

_PAIRS_SAVED_AT_ONCE = 200


def _identity(job: Job) -> str:
    beads = require_before(job.workspace, "group")[-1].output
    return identity_of("group", beads, job.settings.threshold, job.settings.box_px)


def _whole(job: Job, stamp: Stamp) -> bool:
    path = job.workspace.training_set
    return path.exists() and hash_file(path).sha256 == stamp.output


def _run(job: Job) -> Outcome:
    with Catalogue.create(job.workspace.catalogue) as catalogue:
        described = _describe(job, catalogue)
        ids = [one.shape.id for one in described]
        pairs = candidate_pairs([one.shape for one in described])
        scores = _scores(job, catalogue, [(ids[i], ids[j]) for i, j in pairs.tolist()])
        groups = cluster_shapes(ids, pairs, scores, job.settings.threshold)
        poses = _poses(job, catalogue, groups)
        resolution = {one.shape.id: one.resolution_angstrom for one in described}
        tables = group_tables(catalogue, groups, poses, resolution, job.settings)
        with catalogue.transaction():
            for name in ("groups", "group_members", "size_classes"):
                catalogue.delete(name)
                catalogue.upsert(name, tables[name])
            catalogue.upsert("structures", tables["structures"])
        _write_training_set(job, catalogue)
    largest = ", ".join(f"{group.medoid} ({len(group.members)})" for group in groups[:5])
    job.report(f"group: {len(ids)} structures in {len(groups)} groups; the largest: {largest}")
    facts = {"groups": len(groups), "pairs": len(pairs), "classes": len(tables["size_classes"])}
    return Outcome(hash_file(job.workspace.training_set).sha256, facts)


def _describe(job: Job, catalogue: Catalogue) -> list[Described]:
    names = {row["id"] for row in catalogue.rows("SELECT id FROM structures")}
    ticker = Ticker(job.report, "group: structures described", len(names))
    return describe_structures(catalogue, BeadArchive(job.workspace.beads), names, ticker.step)


def _scores(job: Job, catalogue: Catalogue, pairs: list[tuple[str, str]]) -> NDArray[np.float64]:
    """Return the similarities of pairs, computing and saving those that the catalogue lacks."""
    wanted = [(min(a, b), max(a, b)) for a, b in pairs]
    rows = catalogue.rows("SELECT structure_a, structure_b, score FROM similarities")
    known = {(row["structure_a"], row["structure_b"]): row["score"] for row in rows}
    missing = sorted(set(wanted) - known.keys())
    ticker = Ticker(job.report, "group: pairs compared", len(missing))
    unsaved: list[dict[str, Any]] = []
    for done, found in enumerate(compare_pairs(job.workspace.beads, missing, job.settings.workers), start=1):
        pair = (found.structure_a, found.structure_b)
        known[pair] = found.superposition.score
        unsaved.append({"structure_a": pair[0], "structure_b": pair[1], "score": known[pair]})
        if len(unsaved) == _PAIRS_SAVED_AT_ONCE or done == len(missing):
            catalogue.upsert("similarities", unsaved)
            unsaved = []
        ticker.step()
    return np.array([known[pair] for pair in wanted], np.float64)


def _poses(job: Job, catalogue: Catalogue, groups: list[ShapeGroup]) -> dict[tuple[str, str], PosedMember]:
    """Return how each member lies on its representative, by (representative, member)."""
    wanted = {
        (group.medoid, member) for group in groups for member in group.members if member != group.medoid
    }
    rows = catalogue.rows(
        "SELECT g.representative_id, m.structure_id, m.rotation, m.translation_angstrom, m.mirror "
        "FROM group_members m JOIN groups g ON g.id = m.group_id"
    )
    poses = {
        (row["representative_id"], row["structure_id"]): PosedMember(
            tuple(row["rotation"]), tuple(row["translation_angstrom"]), row["mirror"]
        )
        for row in rows
    }
    missing = sorted(wanted - poses.keys())
    ticker = Ticker(job.report, "group: members laid on representatives", len(missing))
    for found in compare_pairs(job.workspace.beads, missing, job.settings.workers):
        s = found.superposition
        rotation, translation = s.rotation.ravel().tolist(), s.translation_angstrom.tolist()
        poses[found.structure_a, found.structure_b] = PosedMember(
            tuple(rotation), tuple(translation), s.mirror
        )
        ticker.step()
    return poses


def _write_training_set(job: Job, catalogue: Catalogue) -> None:
    """Write groups in the order of their names, the representative of each before its other members."""
    groups = catalogue.rows("SELECT id, representative_id, size_class FROM groups ORDER BY id")
    classes = catalogue.rows("SELECT name, pixel_size_angstrom FROM size_classes ORDER BY dmax_min_angstrom")
    members = catalogue.rows(
        "SELECT m.structure_id, m.group_id FROM group_members m JOIN groups g ON g.id = m.group_id "
        "ORDER BY m.group_id, m.structure_id <> g.representative_id, m.structure_id"
    )
    group_number = {group["id"]: k for k, group in enumerate(groups)}
    class_number = {size_class["name"]: k for k, size_class in enumerate(classes)}
    structure_number = {member["structure_id"]: k for k, member in enumerate(members)}
    archive = BeadArchive(job.workspace.beads)
    with written_whole(job.workspace.training_set) as part:
        write_training_set(
            part,
            [(member["structure_id"], archive[member["structure_id"]]) for member in members],
            groups=[group["id"] for group in groups],
            classes=[size_class["name"] for size_class in classes],
            group_of_structure=[group_number[member["group_id"]] for member in members],
            representative=[structure_number[group["representative_id"]] for group in groups],
            class_of_group=[class_number[group["size_class"]] for group in groups],
            pixel_size_angstrom=[size_class["pixel_size_angstrom"] for size_class in classes],
            box_px=job.settings.box_px,
        )


GROUP = Stage("group", _identity, _whole, _run)
