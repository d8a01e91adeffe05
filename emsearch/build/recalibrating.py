"""A new calibration for an index that stands: another generation, its network, vectors and catalogue as they were."""

from collections.abc import Callable
from pathlib import Path

from emsearch.evaluation.calibrating import calibrate
from emsearch.search.engine import open_index
from emsearch_index.generation import Generation
from emsearch_index.publication import prune_generations, publish

__all__ = ["recalibrate"]

_GENERATIONS_KEPT = 2


def recalibrate(
    index_dir: Path, *, images: int, seed: int, device: str, report: Callable[[str], None]
) -> Generation:
    """Fit the probabilities of an index anew on simulated images and publish it with them.

    What was measured of the index with its old probabilities is left out of the new manifest.
    """
    index = open_index(index_dir, device=device)
    old = index.generation
    found = calibrate(index, images, seed, report).to_json()
    configuration = {key: value for key, value in old.configuration.items() if key != "evaluation"}
    generation = publish(
        index_dir,
        {name: old.file(name) for name in old.manifest.files},
        configuration={**configuration, "calibration": found},
        versions=old.manifest.versions,
    )
    prune_generations(index_dir, keep=_GENERATIONS_KEPT)
    return generation
