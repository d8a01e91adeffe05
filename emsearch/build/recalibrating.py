"""What an index says of images, fitted anew: another generation, its network, vectors and catalogue as they were."""

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from emsearch.evaluation.calibrating import calibrate
from emsearch.evaluation.quantities import fit_quantities
from emsearch.network.quantities import HEAD_NAME, save_head
from emsearch.search.engine import open_index
from emsearch_index.generation import Generation
from emsearch_index.publication import prune_generations, publish

__all__ = ["recalibrate", "refit_quantities"]

_GENERATIONS_KEPT = 2


def recalibrate(
    index_dir: Path, *, images: int, seed: int, device: str, report: Callable[[str], None]
) -> Generation:
    """Fit the probabilities of an index anew on simulated images and publish it with them.

    What was measured of the index with its old probabilities is left out of the new manifest.
    """
    index = open_index(index_dir, device=device)
    size_classes, found = calibrate(index, images, seed, report)
    configuration = {
        key: value for key, value in index.generation.configuration.items() if key != "evaluation"
    }
    fitted = {"calibration": found.to_json(), "size_class_model": size_classes.to_json()}
    return _publish(index_dir, index.generation, {}, {**configuration, **fitted})


def refit_quantities(
    index_dir: Path, *, images: int, seed: int, device: str, report: Callable[[str], None]
) -> Generation:
    """Fit the head that reads mass, size and stain off an image, and publish the index with it; its answers stay."""
    index = open_index(index_dir, device=device)
    head = fit_quantities(index, images, seed, report)
    configuration = {**index.generation.configuration, "quantities": {"images": images, "seed": seed}}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / HEAD_NAME
        save_head(path, head)
        return _publish(index_dir, index.generation, {HEAD_NAME: path}, configuration)


def _publish(
    index_dir: Path, old: Generation, changed: Mapping[str, Path], configuration: Mapping[str, Any]
) -> Generation:
    generation = publish(
        index_dir,
        {**{name: old.file(name) for name in old.manifest.files}, **changed},
        configuration=configuration,
        versions=old.manifest.versions,
    )
    prune_generations(index_dir, keep=_GENERATIONS_KEPT)
    return generation
