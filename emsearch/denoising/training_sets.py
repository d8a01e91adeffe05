"""What the denoiser is trained on: the structures of an index, or of the .npz of a build."""

from pathlib import Path

import numpy as np

from emsearch.imaging.cloud import BeadCloud
from emsearch.network.training_set import TrainingSet, read_training_set
from emsearch.search.engine import SearchIndex
from emsearch_index.errors import InputError

__all__ = ["training_set_of_file", "training_set_of_index"]


def training_set_of_index(index: SearchIndex) -> TrainingSet:
    """Return all structures of an index."""
    structures = index.structures
    place = {name: k for k, name in enumerate(structures)}
    group_of = {member: k for k, group in enumerate(index.groups) for member in group.members}
    class_of = {c.name: k for k, c in enumerate(index.classes)}
    return TrainingSet(
        cloud=BeadCloud.from_models([index.library.model(name) for name in structures]),
        structures=tuple(structures),
        groups=tuple(group.id for group in index.groups),
        classes=tuple(class_of),
        group_of_structure=np.array([group_of[name] for name in structures], np.int64),
        representative=np.array([place[group.representative] for group in index.groups], np.int64),
        class_of_group=np.array([class_of[group.size_class] for group in index.groups], np.int64),
        pixel_size_angstrom=np.array([c.pixel_size_angstrom for c in index.classes]),
        box_px=index.classes[0].box_px,
    )


def training_set_of_file(path: Path) -> TrainingSet:
    """Read a training set; InputError where the file is none."""
    try:
        return read_training_set(path)
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror}); give the training-set.npz of a build"
        ) from error
    except (ValueError, KeyError) as error:
        raise InputError(
            f"{path} holds no training set; give the training-set.npz of a build, or an index with --index"
        ) from error
