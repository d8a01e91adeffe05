"""Publish: what the other stages made, as a new generation of the index."""

import dataclasses
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from typing import Any

from emsearch import __version__
from emsearch.build.group_tables import WEIGHTS_NAME
from emsearch.build.identity import identity_of
from emsearch.build.settings import STAGES
from emsearch.build.stages import Job, Outcome, Stage, Stamp, require_before
from emsearch.build.workspace import Workspace
from emsearch_index.catalogue import Catalogue
from emsearch_index.errors import EmsearchError
from emsearch_index.generation import Generation, open_generation
from emsearch_index.manifest import hash_file
from emsearch_index.publication import prune_generations, publish
from emsearch_index.schema import TABLES

__all__ = ["PUBLISH", "publish_into"]

_LIBRARIES = ("duckdb", "gemmi", "numba", "numpy", "pyarrow", "safetensors", "scipy", "torch", "torchvision")
_MEASURED = ("calibration", "size_class_model", "evaluation")
_GENERATIONS_KEPT = 2
_ROWS_AT_ONCE = 250_000


def _identity(job: Job) -> str:
    stamps = require_before(job.workspace, "publish")
    files = {name: hash_file(path).sha256 for name, path in _files(job.workspace).items()}
    return identity_of(
        "publish", [dataclasses.asdict(stamp) for stamp in stamps], files, _measured(job.workspace)
    )


def _whole(job: Job, stamp: Stamp) -> bool:
    try:
        return open_generation(job.out).name == str(stamp.facts["generation"])
    except EmsearchError:
        return False


def publish_into(job: Job, folder: Path, before: str) -> Generation:
    """Publish what the stages before ``before`` made as the current generation of an index folder."""
    configuration = _configuration(job, before)
    versions = _versions()
    clean = job.workspace.root / "publish.duckdb"
    _copy_catalogue(job.workspace.catalogue, clean, configuration, versions)
    generation = publish(
        folder,
        {"catalogue.duckdb": clean, **_files(job.workspace)},
        configuration=configuration,
        versions=versions,
    )
    clean.unlink()
    return generation


def _run(job: Job) -> Outcome:
    generation = publish_into(job, job.out, "publish")
    prune_generations(job.out, keep=_GENERATIONS_KEPT)
    megabytes = sum(entry.bytes for entry in generation.manifest.files.values()) / 1e6
    job.report(f"publish: {generation.name}, {megabytes:.1f} MB")
    return Outcome(generation.name, {"generation": generation.name, "megabytes": round(megabytes, 1)})


def _files(workspace: Workspace) -> dict[str, Path]:
    """Return the files of the generation, by name, all but the catalogue."""
    files = {"beads.npz": workspace.beads, WEIGHTS_NAME: workspace.weights}
    files |= {path.name: path for path in sorted(workspace.root.glob("views-*.faiss"))}
    optional = (*workspace.curves, workspace.quantity_head)
    return files | {path.name: path for path in optional if path.exists()}


def _measured(workspace: Workspace) -> dict[str, Any]:
    """Return what was measured of the index, by `emsearch evaluate`, where it was."""
    paths = {name: workspace.root / f"{name}.json" for name in _MEASURED}
    return {name: json.loads(path.read_bytes()) for name, path in paths.items() if path.exists()}


def _configuration(job: Job, before: str) -> dict[str, Any]:
    """Return the configuration; ``groups`` are in the order of the network's proxies."""
    stamps = dict(zip(STAGES[: STAGES.index(before)], require_before(job.workspace, before), strict=True))
    with Catalogue(job.workspace.catalogue) as catalogue:
        groups = [row["id"] for row in catalogue.rows("SELECT id FROM groups ORDER BY id")]
        classes = catalogue.rows(
            "SELECT name, pixel_size_angstrom, box_px FROM size_classes ORDER BY dmax_min_angstrom"
        )
    return {
        "settings": _settings(job),
        "classes": classes,
        "groups": groups,
        "fills": list(job.settings.fills),
        "member_fills": list(job.settings.member_fills),
        "nside": job.settings.nside,
        "vectors": stamps["index"].facts["vectors"],
        "training": stamps["train"].facts,
        "stages": {
            name: {"seconds": round(stamp.seconds, 1), "peak_mb": stamp.peak_mb and round(stamp.peak_mb)}
            for name, stamp in stamps.items()
        },
        **({"quantities": quantities} if (quantities := _quantities(stamps)) else {}),
        **_measured(job.workspace),
    }


def _quantities(stamps: Mapping[str, Stamp]) -> Mapping[str, Any] | None:
    """Return what the head that reads quantities was fitted on, None where there is none."""
    return stamps["quantities"].facts or None if "quantities" in stamps else None


def _settings(job: Job) -> dict[str, Any]:
    """Return the settings; of files that were given their names alone, for an index goes to others."""
    pretrained = job.settings.pretrained
    return {**dataclasses.asdict(job.settings), "pretrained": pretrained and Path(pretrained).name}


def _versions() -> dict[str, str]:
    """Return the versions of emsearch and of the libraries that shape the result."""
    import faiss

    found = {name: version(name) for name in _LIBRARIES}
    return {**found, "emsearch": __version__, "faiss": faiss.__version__, "python": python_version()}


def _copy_catalogue(
    source: Path, target: Path, configuration: Mapping[str, Any], versions: Mapping[str, str]
) -> None:
    """Copy all rows, in the order of their keys, into a new file that holds nothing of earlier states."""
    target.unlink(missing_ok=True)
    with Catalogue(source) as old, Catalogue.create(target) as new:
        for table in TABLES:
            order = f"SELECT * FROM {table.name} ORDER BY {', '.join(table.key)}"
            for first in range(0, old.rows(f"SELECT count(*) AS n FROM {table.name}")[0]["n"], _ROWS_AT_ONCE):
                new.upsert_columns(table.name, old.columns(f"{order} LIMIT {_ROWS_AT_ONCE} OFFSET {first}"))
        created = datetime.now(UTC).isoformat(timespec="seconds")
        config, libraries = json.dumps(configuration, sort_keys=True), json.dumps(versions, sort_keys=True)
        new.upsert(
            "builds",
            [
                {
                    "generation": f"build-{identity_of(created, config, libraries)[:16]}",
                    "created": created,
                    "config": config,
                    "versions": libraries,
                }
            ],
        )


PUBLISH = Stage("publish", _identity, _whole, _run)
