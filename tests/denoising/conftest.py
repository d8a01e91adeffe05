"""A training set of three structures, and a small denoiser that was never trained."""

from typing import Any

import numpy as np
import pytest
import torch

from emsearch.denoising.unet import DenoisingNetwork
from emsearch.denoising.weights import Denoiser
from emsearch.imaging.cloud import BeadCloud
from emsearch.network.training_set import TrainingSet

PIXEL_ANGSTROM = 4.5


@pytest.fixture(scope="session")
def few(blobs: dict[str, Any]) -> TrainingSet:
    """Return three structures in two groups of one size class, boxes of 32 px."""
    return TrainingSet(
        cloud=BeadCloud.from_models(list(blobs.values())[:3]),
        structures=("blob0", "blob1", "blob2"),
        groups=("G0", "G1"),
        classes=("d0",),
        group_of_structure=np.array([0, 0, 1]),
        representative=np.array([0, 2]),
        class_of_group=np.array([0, 0]),
        pixel_size_angstrom=np.array([9.0]),
        box_px=32,
    )


@pytest.fixture
def denoiser() -> Denoiser:
    """Return a denoiser of 64 px boxes at 4.5 A."""
    torch.manual_seed(0)
    return Denoiser(DenoisingNetwork(8).eval(), "l1", 10, ("G1",), (PIXEL_ANGSTROM,), 64)
