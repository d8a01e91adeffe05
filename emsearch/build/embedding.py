"""Views of a structure: a grid over the sphere and the stain's height, simulated without noise and embedded."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from emsearch.imaging.cloud import BeadCloud
from emsearch.imaging.parameters import clean_parameters
from emsearch.imaging.rotations import healpix_directions, quaternion_from_direction
from emsearch.imaging.simulate import Simulator
from emsearch.network.checkpoint import load_weights, network_from_weights
from emsearch.network.precision import autocast
from emsearch.network.train import pick_device
from emsearch.structures.beads import BeadModel

__all__ = ["VIEW_RESOLUTION_ANGSTROM", "Embedder", "ViewGrid", "view_grid"]

VIEW_RESOLUTION_ANGSTROM = 20.0
"""Resolution of the indexed views: the middle of what negative stain gives."""

_BATCH = 128
_SEED = 0


@dataclass(frozen=True, slots=True)
class ViewGrid:
    """n views: orientations ``quaternion`` float64 (n, 4), (w, x, y, z), and ``fill`` float32 (n,)."""

    quaternion: NDArray[np.float64]
    fill: NDArray[np.float32]

    def __len__(self) -> int:
        """Return the number of views."""
        return len(self.fill)


def view_grid(nside: int, fills: Sequence[float]) -> ViewGrid:
    """Return all HEALPix directions at each fill, fill by fill.

    The whole sphere is kept: from opposite sides, projections differ in hand and, in shallow stain, in what is seen.

    >>> len(view_grid(4, (1.0, 0.6)))
    384
    """
    around = quaternion_from_direction(healpix_directions(nside))
    return ViewGrid(np.tile(around, (len(fills), 1)), np.repeat(np.array(fills, np.float32), len(around)))


class Embedder:
    """A trained network that embeds simulated views."""

    def __init__(self, weights: Path, device: str) -> None:
        self._device = pick_device(device)
        network = network_from_weights(load_weights(weights))
        self._network = network.to(device=self._device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    @torch.inference_mode()
    def embed(
        self, beads: BeadModel, grid: ViewGrid, pixel_size_angstrom: float, box_px: int
    ) -> NDArray[np.float16]:
        """Return unit embeddings, float16 (n, width), of the views of one structure."""
        simulator = Simulator(BeadCloud.from_models([beads]), self._device)
        found = []
        for first in range(0, len(grid), _BATCH):
            quaternion, fill = grid.quaternion[first : first + _BATCH], grid.fill[first : first + _BATCH]
            parameters = clean_parameters(quaternion, resolution_angstrom=VIEW_RESOLUTION_ANGSTROM)
            shot = simulator.micrographs(
                np.zeros(len(fill), np.int64),
                parameters.with_values(fill=fill),
                np.full(len(fill), pixel_size_angstrom),
                box_px,
                _SEED,
            )
            batch = shot.images[:, None].contiguous(memory_format=torch.channels_last)
            with autocast(self._device):
                embedding = self._network.embed(batch)
            found.append(functional.normalize(embedding.float(), dim=1).half().cpu().numpy())
        return np.concatenate(found)
