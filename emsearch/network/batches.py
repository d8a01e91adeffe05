"""Batches of simulated images."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from emsearch.imaging.parameters import ParameterRanges
from emsearch.imaging.simulate import Simulator
from emsearch.network.model import SKETCH_PX
from emsearch.network.training_set import TrainingSet

__all__ = ["Batch", "draw_batch"]


@dataclass(frozen=True, slots=True)
class Batch:
    """n images (n, 1, box, box), their groups and size classes, int64 (n,), and clean sketches (n, 256)."""

    images: Tensor
    group: Tensor
    size_class: Tensor
    sketch: Tensor


def draw_batch(
    training_set: TrainingSet,
    simulator: Simulator,
    ranges: ParameterRanges,
    *,
    n: int,
    box_px: int,
    member_share: float,
    key: tuple[int, ...],
) -> Batch:
    """Draw one batch; ``key`` (seed, stream, step, rank) alone decides every random number in it."""
    rng = np.random.default_rng(key)
    structure = training_set.draw(rng, n, member_share)
    group = training_set.group_of_structure[structure]
    size_class = training_set.class_of_group[group]
    box_angstrom = training_set.pixel_size_angstrom[size_class] * training_set.box_px
    parameters = ranges.sample(rng, n, box_angstrom)
    seed = int(rng.integers(2**62))
    shot = simulator.micrographs(structure, parameters, box_angstrom / box_px, box_px, seed)
    images = shot.images
    return Batch(
        images=images[:, None].contiguous(memory_format=torch.channels_last),
        group=torch.from_numpy(group).to(images.device),
        size_class=torch.from_numpy(size_class).to(images.device),
        sketch=_sketch(shot.projections),
    )


def _sketch(projections: Tensor) -> Tensor:
    """Reduce clean projections (n, box, box) to 16 x 16 pixels of zero mean and unit variance, (n, 256)."""
    small = functional.adaptive_avg_pool2d(projections[:, None], SKETCH_PX).flatten(1)
    small = small - small.mean(1, keepdim=True)
    return small / small.square().mean(1, keepdim=True).sqrt().clamp_min(1e-20)
