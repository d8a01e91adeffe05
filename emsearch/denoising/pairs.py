"""Pairs to learn from: a noisy image, and the clean, fully stained projection of the same view."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from emsearch.imaging.normalise import normalise
from emsearch.imaging.parameters import ImageParameters, ParameterRanges
from emsearch.imaging.simulate import Simulator
from emsearch.network.training_set import TrainingSet
from emsearch_index.errors import UsageError

__all__ = ["TARGET_RESOLUTION_ANGSTROM", "Pairs", "clean_view", "draw_pairs", "without"]

TARGET_RESOLUTION_ANGSTROM = 20.0

_EMPTY_SNR = 1e-6  # the particle is there, and nothing of it shows


@dataclass(frozen=True, slots=True)
class Pairs:
    """Normalised images and targets, float32 (n, 1, box, box).

    The target of an image of noise alone is zero everywhere.
    """

    images: Tensor
    targets: Tensor


def without(training_set: TrainingSet, left_out: Iterable[str]) -> TrainingSet:
    """Return a training set that never draws the groups of ``left_out``, names of groups or of structures.

    A structure takes its whole group along, for the others of the group have its shape.

    Raises
    ------
    UsageError
        A name that the set does not hold, or nothing is left.
    """
    groups = {name: k for k, name in enumerate(training_set.groups)}
    owners = dict(zip(training_set.structures, training_set.group_of_structure.tolist(), strict=True))
    gone = set()
    for name in left_out:
        if name not in groups and name not in owners:
            raise UsageError(f"{name!r} is to be left out and is no group or structure of the training set")
        gone.add(groups[name] if name in groups else owners[name])
    kept = [k for k in range(len(groups)) if k not in gone]
    if not kept:
        raise UsageError(f"all {len(groups)} groups are left out; leave some to train on")
    new = np.full(len(groups) + 1, -1)
    new[kept] = np.arange(len(kept))
    return replace(
        training_set,
        groups=tuple(training_set.groups[k] for k in kept),
        group_of_structure=new[training_set.group_of_structure],  # -1 is drawn for no group
        representative=training_set.representative[kept],
        class_of_group=training_set.class_of_group[kept],
    )


def clean_view(parameters: ImageParameters) -> ImageParameters:
    """Return the parameters of the same views as they are guessed: in stain up to the top, at one resolution."""
    return parameters.with_values(
        stained=True,
        fill=1.0,
        top_signal=0.0,
        uptake=0.0,
        resolution_angstrom=TARGET_RESOLUTION_ANGSTROM,
    )


def draw_pairs(
    training_set: TrainingSet,
    simulator: Simulator,
    ranges: ParameterRanges,
    *,
    n: int,
    member_share: float,
    empty_share: float,
    key: tuple[int, ...],
) -> Pairs:
    """Draw n pairs; ``key`` (seed, stream, step) alone decides every random number in them.

    ``empty_share`` of the images show noise alone.
    """
    rng = np.random.default_rng(key)
    structure = training_set.draw(rng, n, member_share)
    group = training_set.group_of_structure[structure]
    pixel = training_set.pixel_size_angstrom[training_set.class_of_group[group]]
    box = training_set.box_px
    parameters = ranges.sample(rng, n, pixel * box)
    empty = rng.random(n) < empty_share
    parameters = parameters.with_values(snr=np.where(empty, _EMPTY_SNR, parameters.snr))
    shot = simulator.micrographs(structure, parameters, pixel, box, int(rng.integers(2**62)))
    clean = simulator.projections(structure, clean_view(parameters), pixel, box)
    targets = normalise(clean, shot.aperture_px)
    targets[torch.from_numpy(empty).to(targets.device)] = 0
    layout = torch.channels_last
    return Pairs(
        shot.images[:, None].contiguous(memory_format=layout),
        targets[:, None].contiguous(memory_format=layout),
    )
