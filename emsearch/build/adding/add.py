"""Add: new structures join an index that stands, as another generation beside the old, without training."""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from emsearch import __version__
from emsearch.build.adding.files import Offers, read_offers, tell
from emsearch.build.adding.folder import check_target, work_folder
from emsearch.build.adding.generation import extended_configuration, write_generation_files
from emsearch.build.adding.groups import Home, read_classes
from emsearch.build.adding.placing import place_structures
from emsearch.build.identity import identity_of
from emsearch.build.inputs import Source, find_sources
from emsearch.build.settings import BuildSettings
from emsearch.build.workspace import Workspace
from emsearch_index.catalogue import Catalogue
from emsearch_index.generation import Generation, open_generation
from emsearch_index.publication import prune_generations, publish

__all__ = ["AddReport", "Added", "add"]

_GENERATIONS_KEPT = 2


@dataclass(frozen=True, slots=True)
class Added:
    """Where a new structure went; ``similarity`` is that to the representative of its group, 1 for itself."""

    structure: str
    group: str
    size_class: str
    new_group: bool
    similarity: float


@dataclass(frozen=True, slots=True)
class AddReport:
    """What came of the files; ``generation`` is the old one where nothing was added."""

    generation: str
    added: tuple[Added, ...]
    present: tuple[str, ...]
    left_out: tuple[str, ...]


def add(
    inputs: Sequence[Path],
    index_dir: Path,
    out: Path | None = None,
    *,
    map_level: float | None = None,
    workers: int | None = None,
    device: str = "auto",
    report: Callable[[str], None],
) -> AddReport:
    """Add structure and map files to an index: its groups, vectors and network stay, more come behind them.

    Probabilities stay as they were calibrated; figures that were measured of the index are left out of the new
    generation's manifest.

    Parameters
    ----------
    inputs : sequence of Path
        As for `build`. What the index has already, by id and content, is passed over.
    index_dir : Path
    out : Path, optional
        The folder of another index, to be made of this one and the new structures; without it, the new
        generation is published in ``index_dir``.
    map_level : float, optional
        Contour level of density maps; found for each map where it is not given.
    workers : int, optional
        Processes that read and compare; as many as there are cores where it is not given.
    device : str
        Where the network runs.
    report : callable of one line
        Is told how far it is, and of every file that is left out, why.

    Raises
    ------
    InputError
        An input that is no structure file, or none that could be used.
    UsageError
        ``out`` holds an index already, or the folder cannot be written to or is held by another build.
    IndexMissingError, IndexCorruptError
        As `open_generation`.
    """
    target = out if out is not None else index_dir
    open_generation(index_dir)
    check_target(target, index_dir)
    sources = find_sources(inputs)
    with work_folder(target) as workspace:
        old = open_generation(index_dir)
        settings = _settings(old, map_level, workers, device)
        return _add(sources, old, target, workspace, settings, report)


def _add(
    sources: Sequence[Source],
    old: Generation,
    target: Path,
    workspace: Workspace,
    settings: BuildSettings,
    report: Callable[[str], None],
) -> AddReport:
    shutil.copyfile(old.file("catalogue.duckdb"), workspace.catalogue)
    with Catalogue(workspace.catalogue, read_only=False) as catalogue:
        offers = _read(sources, catalogue, settings, report)
        homes = (
            place_structures(catalogue, old.file("beads.npz"), workspace, offers, settings, report)
            if offers.fresh
            else []
        )
        tell(offers, len(sources), report)
        if not homes:
            return _report(old, homes, offers)
        files = write_generation_files(old, catalogue, workspace, homes, settings, report)
        counted = catalogue.rows("SELECT size_class, count(*) AS n FROM views GROUP BY size_class")
        views = {row["size_class"]: row["n"] for row in counted}
        configuration = extended_configuration(old, files, homes, views)
        catalogue.upsert("builds", [_build_row(homes)])
    generation = publish(target, files, configuration=configuration, versions=old.manifest.versions)
    prune_generations(target, keep=_GENERATIONS_KEPT)
    return _report(generation, homes, offers)


def _settings(old: Generation, map_level: float | None, workers: int | None, device: str) -> BuildSettings:
    """Return the settings under which the index was built, as far as they bear on new structures."""
    configuration = old.configuration
    settings = BuildSettings(
        map_level=map_level,
        threshold=configuration["settings"]["threshold"],
        nside=configuration["nside"],
        fills=tuple(configuration["fills"]),
        member_fills=tuple(configuration["member_fills"]),
        box_px=configuration["settings"]["box_px"],
        device=device,
    )
    return settings if workers is None else replace(settings, workers=workers)


def _read(
    sources: Sequence[Source],
    catalogue: Catalogue,
    settings: BuildSettings,
    report: Callable[[str], None],
) -> Offers:
    rows = catalogue.rows("SELECT id, source_sha256 FROM structures")
    return read_offers(
        sources,
        {row["id"]: row["source_sha256"] for row in rows},
        list(read_classes(catalogue).values()),
        map_level=settings.map_level,
        workers=settings.workers,
        report=report,
    )


def _build_row(homes: Sequence[Home]) -> dict[str, Any]:
    created = datetime.now(UTC).isoformat(timespec="microseconds")
    added = {name: home.id for home in homes for name, _ in home.newcomers}
    return {
        "generation": f"add-{identity_of(created, added)[:16]}",
        "created": created,
        "config": json.dumps({"added": added}, sort_keys=True),
        "versions": json.dumps({"emsearch": __version__}),
    }


def _report(generation: Generation, homes: Sequence[Home], offers: Offers) -> AddReport:
    return AddReport(
        generation.name,
        tuple(
            Added(name, home.id, home.size_class.name, home.new, similarity)
            for home in homes
            for name, similarity in home.newcomers
        ),
        tuple(dict.fromkeys(offers.present)),
        tuple(one.reason for one in offers.left_out),
    )
