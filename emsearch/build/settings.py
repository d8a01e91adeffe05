"""What a build may be told."""

import os
from dataclasses import dataclass, field, replace

from emsearch.network.settings import TrainingSettings
from emsearch_index.errors import UsageError

__all__ = ["LEAST_QUANTITY_IMAGES", "STAGES", "BuildSettings", "nside_of_directions"]

STAGES = ("ingest", "group", "train", "index", "calibrate", "quantities", "publish")
"""The stages in the order in which they run."""

LEAST_QUANTITY_IMAGES = 10
"""Simulated images without which nothing can be fitted."""

_NSIDES = {12 * nside**2: nside for nside in (4, 8, 16)}


@dataclass(frozen=True, slots=True)
class BuildSettings:
    """How an index is built; the defaults are those of the index that ships.

    Attributes
    ----------
    map_level : float or None
        Contour level of the density maps; found for each map where None.
    threshold : float
        Least similarity of two members of a shape group, in (0, 1].
    training_images : int
        Simulated images to train on; with 0 the pretrained weights are taken as they are.
    nside : int
        HEALPix parameter of the directions that are indexed: 12 nside^2 over the sphere.
    fills, member_fills : tuple of float
        Heights of the stain over that of the particle at which representatives, and the other members, are indexed.
    calibration_images : int
        Simulated images on which the probabilities are fitted.
    quantity_images : int
        Simulated images on which the head that reads mass, size, shape and stain is fitted; 0 for an index without one.
    workers : int
        Processes that read and compare structures.
    seed : int
        Of everything random.
    pretrained : str or None
        Weights to start from, "imagenet" or a file; random ones where None.
    device : str
        Where the network runs: auto, cpu, cuda or cuda:N.
    box_px : int
        Side of the images of all size classes.
    training : TrainingSettings
        The finer settings of training; images, seed, pretrained and device are those above.
    """

    map_level: float | None = None
    threshold: float = 0.90
    training_images: int = TrainingSettings().images
    nside: int = 4
    fills: tuple[float, ...] = (1.0, 0.7, 0.45)
    member_fills: tuple[float, ...] = (1.0, 0.6)
    calibration_images: int = 300
    quantity_images: int = 20_000
    workers: int = field(default_factory=lambda: os.cpu_count() or 1)
    seed: int = 0
    pretrained: str | None = None
    device: str = "auto"
    box_px: int = 64
    training: TrainingSettings = field(default_factory=TrainingSettings)

    def __post_init__(self) -> None:
        """Refuse, before anything long has run, what a later stage would refuse."""
        if not 0.0 < self.threshold <= 1.0:
            raise UsageError(
                f"the similarity threshold is {self.threshold:g} where a number above 0 and up to 1 is "
                "expected; give one"
            )
        least_images = 1 if self.pretrained is None else 0
        if self.training_images < least_images:
            raise UsageError(
                f"found {self.training_images} training images; give some, or weights to take as they are (pretrained)"
            )
        if self.quantity_images and self.quantity_images < LEAST_QUANTITY_IMAGES:
            raise UsageError(
                f"{self.quantity_images} images are too few to fit what is read off an image; give "
                f"{LEAST_QUANTITY_IMAGES} or more, or 0 for none"
            )
        counts = (self.workers, self.nside, len(self.fills), len(self.member_fills))
        if min(counts) < 1 or self.seed < 0:
            raise UsageError(
                f"found {self.workers} workers, nside {self.nside}, {len(self.fills)} and {len(self.member_fills)} "
                f"fills and the seed {self.seed}; give at least one of each, and a seed of 0 or more"
            )

    def training_settings(self) -> TrainingSettings:
        """Return the settings of the training run."""
        return replace(
            self.training,
            images=self.training_images,
            seed=self.seed,
            pretrained=self.pretrained,
            device=self.device,
        )


def nside_of_directions(directions: int) -> int:
    """Return the HEALPix nside of 192, 768 or 3,072 directions over the sphere; UsageError for others.

    >>> [nside_of_directions(n) for n in (192, 768, 3072)]
    [4, 8, 16]
    """
    if directions not in _NSIDES:
        raise UsageError(
            f"{directions} directions do not cover the sphere evenly; give {', '.join(map(str, _NSIDES))}"
        )
    return _NSIDES[directions]
