"""What is asked of a batch."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from emsearch.particles.ctf_correction import CORRECTIONS, Correction
from emsearch.particles.reading import validate_pixel_size
from emsearch.search.contrast import CONTRASTS
from emsearch.search.shortlist import SHORTLIST
from emsearch_index.errors import UsageError

__all__ = ["CTF_METHODS", "MATCHED_BY_DEFAULT", "BatchSettings"]

CTF_METHODS = ("auto", *CORRECTIONS)

MATCHED_BY_DEFAULT = 100
"""Of up to so many particles (class averages) each is matched by projection unless told otherwise."""


@dataclass(frozen=True, slots=True)
class BatchSettings:
    """How each particle is searched.

    ``rerank`` is how many of the network's groups are matched by projection, None for ``SHORTLIST`` in a stack of up to
    ``MATCHED_BY_DEFAULT`` particles and for none in a larger one. ``by`` is the field by which particles are answered as
    sets too, ``match_per_set`` how many images of each set are matched; ``mixture`` fits what the stack is made of.
    """

    pixel_size_angstrom: float | None = None
    contrast: str = "auto"
    ctf: Literal["auto"] | Correction = "auto"
    top: int = 5
    rerank: int | None = None
    by: str | None = None
    match_per_set: int = 30
    mixture: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be asked."""
        for name, value, known in (("contrast", self.contrast, CONTRASTS), ("ctf", self.ctf, CTF_METHODS)):
            if value not in known:
                raise UsageError(f"found {name} {value!r}, expected one of {', '.join(known)}; choose one")
        if self.pixel_size_angstrom is not None:
            validate_pixel_size(self.pixel_size_angstrom)
        if self.top < 1 or (self.rerank is not None and self.rerank < 0) or self.match_per_set < 1:
            raise UsageError(
                f"found top {self.top}, rerank {self.rerank} and match per set {self.match_per_set}; give 1 or more, of "
                "rerank 0 or more"
            )

    @property
    def correction(self) -> Correction:
        """How transfer functions that are known are undone; "auto" flips phases, which bears any defocus."""
        return "phase-flip" if self.ctf == "auto" else self.ctf

    @property
    def shares_kept(self) -> bool:
        """Whether the network's shares of all groups are needed after the particles were answered."""
        return self.by is not None or self.mixture

    def matched(self, particles: int) -> int:
        """Return how many groups are matched for each particle of a stack."""
        if self.rerank is not None:
            return self.rerank
        return SHORTLIST if particles <= MATCHED_BY_DEFAULT else 0

    def to_json(self) -> dict[str, Any]:
        """Return plain values for the record of a job."""
        return asdict(self)
