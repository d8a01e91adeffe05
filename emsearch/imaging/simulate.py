"""Images of structures, made as they are needed."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from emsearch.imaging import project_cpu, project_torch
from emsearch.imaging.cloud import BeadCloud
from emsearch.imaging.finish import finish
from emsearch.imaging.geometry import expose
from emsearch.imaging.normalise import normalise
from emsearch.imaging.parameters import ImageParameters

__all__ = ["Shot", "Simulator"]

_ROOM = 1.15  # an aperture leaves at least this many particle radii


@dataclass(frozen=True, slots=True)
class Shot:
    """The same n images at three steps, each float32 (n, box, box).

    ``projections`` are bare and of the particle alone; ``micrographs`` have its neighbour, optics and noise, in units of
    the signal's standard deviation; ``images`` are normalised as the network sees them, within ``aperture_px`` (n,).
    """

    projections: Tensor
    micrographs: Tensor
    images: Tensor
    aperture_px: Tensor


class Simulator:
    """Draws images of the structures of a bead cloud: numba on the CPU, torch on the GPU, one image model."""

    def __init__(self, cloud: BeadCloud, device: torch.device | str = "cpu") -> None:
        self.cloud = cloud
        self.device = torch.device(device)
        self._on_device = project_torch.TorchCloud(cloud, self.device) if self.device.type == "cuda" else None

    def projections(
        self,
        structure: NDArray[np.integer],
        parameters: ImageParameters,
        pixel_size_angstrom: NDArray[np.floating],
        box_px: int,
    ) -> Tensor:
        """Draw bare projections: float32 (n, box, box), particle bright, in A^3 of volume a pixel."""
        exposure = expose(self.cloud, structure, parameters, pixel_size_angstrom, box_px)
        if self._on_device is not None:
            return project_torch.project(self._on_device, exposure, box_px)
        return torch.from_numpy(project_cpu.project(self.cloud, exposure, box_px))

    def micrographs(
        self,
        structure: NDArray[np.integer],
        parameters: ImageParameters,
        pixel_size_angstrom: NDArray[np.floating],
        box_px: int,
        seed: int,
    ) -> Shot:
        """Draw images with optics and noise."""
        projections = self.projections(structure, parameters, pixel_size_angstrom, box_px)
        crowded = self._with_neighbours(projections, structure, parameters, pixel_size_angstrom)
        generator = torch.Generator(self.device).manual_seed(seed)
        white = torch.randn(projections.shape, device=self.device, generator=generator)
        radius = torch.from_numpy(self.cloud.radius_angstrom[structure])
        pixel = torch.from_numpy(np.asarray(pixel_size_angstrom))
        micrographs = finish(crowded, parameters, pixel, radius, white)
        aperture_px = torch.from_numpy(parameters.aperture).to(self.device) * (box_px / 2)
        particle_px = (radius / pixel).to(self.device, torch.float32)
        aperture_px = aperture_px.maximum(_ROOM * particle_px).clamp_max(box_px / 2)
        return Shot(projections, micrographs, normalise(micrographs, aperture_px), aperture_px)

    def _with_neighbours(
        self,
        projections: Tensor,
        structure: NDArray[np.integer],
        parameters: ImageParameters,
        pixel_size_angstrom: NDArray[np.floating],
    ) -> Tensor:
        """Return projections (n, box, box) with the neighbours of those particles that have one."""
        chosen = np.flatnonzero(parameters.neighbour_distance > 0)
        if not len(chosen):
            return projections
        p, of = parameters[chosen], structure[chosen]
        distance = p.neighbour_distance * 2 * self.cloud.radius_angstrom[of]
        angle = np.radians(p.neighbour_angle_degrees)
        offset = np.stack([distance * np.cos(angle), distance * np.sin(angle)], axis=1)
        beside = p.with_values(
            quaternion=p.neighbour_quaternion,
            shift_angstrom=p.shift_angstrom + p.magnification[:, None] * offset,
        )
        drawn = self.projections(of, beside, pixel_size_angstrom[chosen], projections.shape[-1])
        return projections.index_add(0, torch.from_numpy(chosen).to(projections.device), drawn)
