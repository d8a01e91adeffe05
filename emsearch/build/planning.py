"""What a build would cost, from rates measured on two cores."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from emsearch.build.inputs import structure_files
from emsearch.build.settings import BuildSettings

__all__ = ["BuildPlan", "plan"]

_INGEST_CORE_SECONDS = 0.1  # a file
_GROUP_CORE_SECONDS = 0.17  # a structure, its pairs among them
_TRAINING_IMAGES_PER_CORE_SECOND = 90.0
_QUANTITY_IMAGES_PER_CORE_SECOND = 50.0
_VIEWS_PER_CORE_SECOND = 250.0
_BYTES_PER_STRUCTURE = 250_000  # beads three times, similarities
_BYTES_PER_VIEW = 700  # embedding, vectors and catalogue rows, in the work folder and published
_BYTES_OF_NETWORK = 700_000_000  # training state, best weights, published weights


@dataclass(frozen=True, slots=True)
class BuildPlan:
    """Files to read, images to simulate (to train on, to index, to fit quantities), disk in GB, hours without a GPU."""

    files: int
    images: int
    gigabytes: float
    hours: float


def plan(inputs: Sequence[Path], settings: BuildSettings) -> BuildPlan:
    """Estimate a build: at most this many images, as if every file were a group of its own.

    Raises
    ------
    InputError
        As `build`.
    """
    files = len(structure_files(inputs))
    views = files * 12 * settings.nside**2 * len(settings.fills)
    cores = os.cpu_count() or 1
    seconds = files * (_INGEST_CORE_SECONDS + _GROUP_CORE_SECONDS) / settings.workers
    seconds += settings.training_images / (_TRAINING_IMAGES_PER_CORE_SECOND * cores)
    seconds += views / (_VIEWS_PER_CORE_SECOND * cores)
    seconds += settings.quantity_images / (_QUANTITY_IMAGES_PER_CORE_SECOND * cores)
    size = files * _BYTES_PER_STRUCTURE + views * _BYTES_PER_VIEW + _BYTES_OF_NETWORK
    return BuildPlan(
        files=files,
        images=settings.training_images + views + settings.quantity_images,
        gigabytes=round(size / 1e9, 2),
        hours=round(seconds / 3600, 2),
    )
