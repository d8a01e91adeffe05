"""The files and the configuration of the generation that new structures make of an old one."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from emsearch.build.adding.groups import Home
from emsearch.build.adding.proxies import fit_proxies
from emsearch.build.adding.views import NewViews, append_views, embed_newcomers
from emsearch.build.group_tables import WEIGHTS_NAME
from emsearch.build.settings import BuildSettings
from emsearch.build.view_rows import view_columns
from emsearch.build.workspace import Workspace, written_whole
from emsearch.network.checkpoint import compact_weights, load_weights, network_from_weights
from emsearch.structures.beads import BeadArchive
from emsearch_index.catalogue import Catalogue
from emsearch_index.generation import Generation
from emsearch_index.vectors import Vectors

__all__ = ["extended_configuration", "write_generation_files"]

_RIVAL_VIEWS = 65_536
"""Of the old views of a size class, evenly spread, that new directions are fitted against: more would fill memory."""


def write_generation_files(
    old: Generation,
    catalogue: Catalogue,
    workspace: Workspace,
    homes: Sequence[Home],
    settings: BuildSettings,
    report: Callable[[str], None],
) -> dict[str, Path]:
    """Embed the new structures; write the vectors, rows of ``views`` and directions of new groups that come of it.

    The catalogue must know the new structures and the work folder hold all bead models.

    Returns
    -------
    dict of name to Path
        The files of the new generation; those that nothing changes are the old one's.
    """
    beads = BeadArchive(workspace.beads)
    views = embed_newcomers(homes, beads, old.file(WEIGHTS_NAME), settings, report)
    new_groups = [home for home in homes if home.new]
    files = {name: old.file(name) for name in old.manifest.files}
    files |= {"catalogue.duckdb": workspace.catalogue, "beads.npz": workspace.beads}
    if new_groups:
        _write_weights(old, catalogue, new_groups, views, workspace.weights)
        files[WEIGHTS_NAME] = workspace.weights
    before = {}
    for name in dict.fromkeys(home.size_class.name for home in homes):
        here = [one for one in views if one.home.size_class.name == name]
        vectors = workspace.vectors(name)
        before[name] = append_views(old.file(vectors.name), here, vectors)
        files[vectors.name] = vectors
    catalogue.upsert_columns("views", view_columns([one.rows for one in views], before))
    return files


def extended_configuration(
    old: Generation, files: dict[str, Path], homes: Sequence[Home], views: dict[str, int]
) -> dict[str, Any]:
    """Return the configuration of the new generation; what was measured of the old one is not in it.

    Parameters
    ----------
    old : Generation
    files : dict of name to Path
        Of the new generation.
    homes : sequence of Home
    views : dict of size class to int
        How many vectors each class now has.
    """
    configuration = {key: value for key, value in old.configuration.items() if key != "evaluation"}
    groups = [home.id for home in homes if home.new]
    structures = [name for home in homes for name, _ in home.newcomers]
    vectors = dict(configuration["vectors"])
    for name, count in views.items():
        told = {key: value for key, value in vectors[name].items() if key != "recall_at_10"}
        vectors[name] = {**told, "vectors": count, "bytes": files[f"views-{name}.faiss"].stat().st_size}
    return {
        **configuration,
        "groups": [*configuration["groups"], *groups],
        "added_groups": [*configuration.get("added_groups", ()), *groups],
        "added_structures": [*configuration.get("added_structures", ()), *structures],
        "vectors": vectors,
    }


def _write_weights(
    old: Generation, catalogue: Catalogue, homes: Sequence[Home], views: Sequence[NewViews], path: Path
) -> None:
    """Write the network with a direction for each new group behind those it has."""
    from safetensors.torch import save_file

    weights = load_weights(old.file(WEIGHTS_NAME))
    network = network_from_weights(weights)
    number = {name: k for k, name in enumerate(old.configuration["groups"])}
    found: dict[str, Tensor] = {}
    for name in dict.fromkeys(home.size_class.name for home in homes):
        here = [home for home in homes if home.size_class.name == name]
        new = [_embeddings(home, views) for home in here]
        rivals, old_views, group_of_view = _old_views(old, catalogue, name, number)
        proxies = fit_proxies(network, rivals, old_views, group_of_view, new)
        found |= dict(zip((home.id for home in here), proxies, strict=True))
    proxies = torch.cat([weights["proxies"], torch.stack([found[home.id] for home in homes])])
    with written_whole(path) as part:
        save_file(compact_weights({**weights, "proxies": proxies}), part)


def _embeddings(home: Home, views: Sequence[NewViews]) -> Tensor:
    return torch.from_numpy(np.concatenate([one.embedding for one in views if one.home is home]))


def _old_views(
    old: Generation, catalogue: Catalogue, size_class: str, number: dict[str, int]
) -> tuple[list[int], Tensor, Tensor]:
    """Return the groups of a class, and unit embeddings of old views with the place of their group among these."""
    vectors = Vectors.open(old.file(f"views-{size_class}.faiss"))
    ids = np.linspace(0, len(vectors) - 1, min(len(vectors), _RIVAL_VIEWS)).astype(np.int64)
    groups = catalogue.columns(
        "SELECT group_id FROM views WHERE size_class = ? ORDER BY vector_id", [size_class]
    )["group_id"]
    names, place = np.unique(groups[ids], return_inverse=True)
    found = torch.from_numpy(vectors.reconstruct(ids))
    unit = torch.nn.functional.normalize(found, dim=1)
    return [number[name] for name in names.tolist()], unit, torch.from_numpy(place)
