"""Projection of bead models in torch, for the GPU: the same image as the CPU's to 1e-3 of its maximum."""

import torch
from torch import Tensor
from torch.nn import functional

from emsearch.imaging.cloud import BeadCloud
from emsearch.imaging.geometry import Exposure

__all__ = ["TorchCloud", "project"]

_BEADS_AT_ONCE = 8_000_000  # bounds the memory of one pass to about half a gigabyte


class TorchCloud:
    """A bead cloud held on a device."""

    def __init__(self, cloud: BeadCloud, device: torch.device) -> None:
        self.device = device
        self.centroid = torch.from_numpy(cloud.centroid_angstrom).to(device).T
        self.volume = torch.from_numpy(cloud.stain_weight).to(device)
        self.ice = torch.from_numpy(cloud.ice_weight).to(device)
        self.nucleic = torch.from_numpy(cloud.nucleic).to(device)
        self.start = torch.from_numpy(cloud.start).to(device)


def _weigh(cloud: TorchCloud, bead: Tensor, image: Tensor, height: Tensor, stain: Tensor) -> Tensor:
    stained, fill, softness, top, uptake = stain.unbind(1)
    low = torch.full_like(fill, torch.inf).scatter_reduce_(0, image, height, "amin")
    high = torch.full_like(fill, -torch.inf).scatter_reduce_(0, image, height, "amax")
    surface = low + fill * (high - low)
    inside = torch.sigmoid((surface[image] - height) / softness[image])
    inside = torch.where((fill < 1)[image], inside * (1 + top[image]) - top[image], 1.0)
    embedded = cloud.volume[bead] * (1 - uptake[image] * cloud.nucleic[bead]) * inside
    return torch.where(stained[image] > 0, embedded, cloud.ice[bead])


def _splat(x: Tensor, y: Tensor, weight: Tensor, image: Tensor, n: int, box: int) -> Tensor:
    inside = (x >= 0) & (y >= 0) & (x < box - 1) & (y < box - 1)
    x, y, weight, image = x[inside], y[inside], weight[inside], image[inside]
    column, row = x.floor(), y.floor()
    fx, fy = x - column, y - row
    corner = (image * box + row.long()) * box + column.long()
    pixels = torch.zeros(n * box * box, device=x.device)
    right = weight * fx
    left = weight - right
    for offset, part in (
        (0, left * (1 - fy)),
        (1, right * (1 - fy)),
        (box, left * fy),
        (box + 1, right * fy),
    ):
        pixels.index_add_(0, corner + offset, part)
    return pixels.view(n, box, box)


def _blur(images: Tensor, taps: Tensor) -> Tensor:
    n, radius = len(images), taps.shape[1] - 1
    kernel = torch.cat([taps.flip(1)[:, :-1], taps], dim=1)
    down = functional.conv2d(images[None], kernel[:, None, :, None], padding=(radius, 0), groups=n)
    return functional.conv2d(down, kernel[:, None, None, :], padding=(0, radius), groups=n)[0]


def _project_some(
    cloud: TorchCloud, structure: Tensor, matrix: Tensor, centre: Tensor, stain: Tensor, box: int
) -> Tensor:
    count = cloud.start[structure + 1] - cloud.start[structure]
    image = torch.repeat_interleave(torch.arange(len(structure), device=cloud.device), count)
    first_of_image = torch.cumsum(count, 0) - count
    bead = torch.arange(len(image), device=cloud.device) + (cloud.start[structure] - first_of_image)[image]
    place = torch.einsum("bij,bj->bi", matrix[image], cloud.centroid[bead])
    weight = _weigh(cloud, bead, image, place[:, 2], stain)
    x = place[:, 0] + centre[image, 0]
    y = place[:, 1] + centre[image, 1]
    return _splat(x, y, weight, image, len(structure), box)


def project(cloud: TorchCloud, exposure: Exposure, box_px: int) -> Tensor:
    """Draw the projections of an exposure: float32 (n, box, box) on the cloud's device."""
    device = cloud.device
    structure, matrix, centre, stain, taps = (
        torch.from_numpy(a).to(device)
        for a in (exposure.structure, exposure.matrix, exposure.centre_px, exposure.stain, exposure.taps)
    )
    largest = int((cloud.start[structure + 1] - cloud.start[structure]).max())
    step = max(1, _BEADS_AT_ONCE // largest)
    parts = [
        _project_some(
            cloud,
            structure[i : i + step],
            matrix[i : i + step],
            centre[i : i + step],
            stain[i : i + step],
            box_px,
        )
        for i in range(0, len(structure), step)
    ]
    return _blur(torch.cat(parts), taps)
