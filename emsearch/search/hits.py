"""What a search returns: particles explained by posed structures, with probabilities."""

from dataclasses import dataclass

from emsearch.search.shape_words import shape_word

__all__ = ["Answer", "Hit", "Quantities", "Quantity", "View"]


@dataclass(frozen=True, slots=True)
class View:
    """The posed projection of a structure that explains the image best.

    ``quaternion`` (w, x, y, z) turns the structure so that the beam runs along +z, the in-plane angle
    included; ``shift_px`` (x, y) is where the particle's centre stands from the centre of the image, in
    pixels of the image as given; ``mirror`` says whether the mirrored hand fits; ``fill`` is the height of the stain over
    the particle's; ``correlation`` is between image and projection inside the particle's disc.
    """

    structure: str
    quaternion: tuple[float, float, float, float]
    in_plane_degrees: float
    shift_px: tuple[float, float]
    mirror: bool
    fill: float
    correlation: float


@dataclass(frozen=True, slots=True)
class Hit:
    """One shape group that looks like the image.

    ``similarity`` is the cosine of its nearest view, None where it has none among the neighbours.
    """

    rank: int
    group: str
    representative: str
    title: str
    members: tuple[str, ...]
    probability: float
    similarity: float | None
    mass_kda: float
    dmax_angstrom: float
    size_class: str
    view: View | None


@dataclass(frozen=True, slots=True)
class Quantity:
    """A value read off the image, and the limits that hold the truth nine times in ten."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Quantities:
    """What the image shows, whatever the particle is.

    ``long_angstrom`` and ``short_angstrom`` are root mean square extents of its mass along the principal axes of the view,
    ``fill`` is the height of the stain over the particle's, ``hollow`` how much less mass the middle of the view has than
    its rim, None where the index does not read it.
    """

    mass_kda: Quantity
    dmax_angstrom: Quantity
    long_angstrom: Quantity
    short_angstrom: Quantity
    fill: Quantity
    hollow: Quantity | None = None

    @property
    def shape(self) -> str | None:
        """A word for the shape of the view, None where none fits or the index does not read it."""
        if self.hollow is None:
            return None
        return shape_word(self.long_angstrom.value / self.short_angstrom.value, self.hollow.value)


@dataclass(frozen=True, slots=True)
class Answer:
    """The ranked hits for one image.

    The hits' probabilities and that of "none of these", ``1 - in_database_probability``, sum to one over all
    groups of the index; ``hits`` holds the first few. ``particle_probability`` is that of the image showing a particle
    at all rather than noise alone; ``in_database_probability`` is never above it. ``undecided`` are the groups among which
    the image cannot decide, best first; one alone is decided. ``quantities`` are None where the pixel size is unknown.
    """

    path: str
    image: int
    pixel_size_angstrom: float | None
    pixel_size_source: str
    contrast: str
    index_path: str
    generation: str
    in_database_probability: float
    particle_probability: float
    hits: tuple[Hit, ...]
    undecided: tuple[str, ...]
    notes: tuple[str, ...]
    quantities: Quantities | None = None
