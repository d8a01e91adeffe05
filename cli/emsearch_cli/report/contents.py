"""What a report says, before it looks like anything."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Explained", "MixtureRow", "ReportContents", "ReportHit", "SetPage"]


@dataclass(frozen=True, slots=True)
class ReportHit:
    """A shape group that explains a set, with its probability; None where a number was not measured."""

    group: str
    representative: str
    title: str
    members: tuple[str, ...]
    probability: float
    mass_kda: float
    dmax_angstrom: float
    similarity: float | None = None
    correlation: float | None = None


@dataclass(frozen=True, slots=True)
class Explained:
    """What in an image speaks for a structure rather than a rival, or rather than no particle where there is none.

    ``picture`` is a PNG; ``log_likelihood`` is the structure's over the rival's.
    """

    hit: str
    rival: str | None
    log_likelihood: float
    picture: bytes


@dataclass(frozen=True, slots=True, eq=False)
class SetPage:
    """One set of images: a class, the particles of a micrograph, a stack, or one image alone.

    ``particle_probability`` is that of a single image showing a particle at all, None for a set. ``speaking`` and
    ``images_to_settle`` are those of emsearch.evidence.posterior, ``undecided`` those of
    emsearch.search.undecided. ``query_image``, ``projection`` and ``denoised`` are float32 (h, w), alike in size, of
    ``pixel_size_angstrom``; ``directions`` (n, 3) is from where the set was seen, ``uniform_p`` and ``covered`` are those of
    emsearch.evidence.directions. ``explained`` is of ``query_image``.
    """

    name: str
    images: int
    none_probability: float
    hits: tuple[ReportHit, ...]
    speaking: int | None = None
    images_to_settle: int | None = None
    undecided: tuple[str, ...] = ()
    query_image: "NDArray[np.float32] | None" = None
    projection: "NDArray[np.float32] | None" = None
    directions: "NDArray[np.float64] | None" = None
    uniform_p: float | None = None
    covered: float | None = None
    notes: tuple[str, ...] = ()
    explained: Explained | None = None
    denoised: "NDArray[np.float32] | None" = None
    pixel_size_angstrom: float | None = None
    particle_probability: float | None = None


@dataclass(frozen=True, slots=True)
class MixtureRow:
    """A component of a sample and its fraction of the images, with its 95 % interval."""

    label: str
    fraction: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, eq=False)
class ReportContents:
    """Everything on the page; ``bad_particles`` are pairs of a name and why it could not be searched."""

    title: str
    command: str
    created: str
    versions: Mapping[str, str]
    index_path: str
    generation: str
    input_path: str
    particles: int
    pixel_size: str
    contrast: str
    sets: tuple[SetPage, ...]
    mixture: tuple[MixtureRow, ...] = ()
    bad_particles: tuple[tuple[str, str], ...] = ()
    parameters: Mapping[str, object] = field(default_factory=dict)
