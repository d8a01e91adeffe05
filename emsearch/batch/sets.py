"""Sets of particles: those of a class, of a micrograph, or the whole stack."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emsearch.particles.source import ParticleSource
from emsearch_index.errors import UsageError

__all__ = ["STACK", "ParticleSets", "sets_by"]

STACK = "stack"
"""The field that puts all particles into one set."""


@dataclass(frozen=True, slots=True, eq=False)
class ParticleSets:
    """The sets of n particles: their names, and which of them each particle belongs to, int64 (n,)."""

    names: tuple[str, ...]
    number: NDArray[np.int64]

    def rows(self, number: int) -> NDArray[np.int64]:
        """Return the rows of a set's particles."""
        return np.flatnonzero(self.number == number)


def sets_by(source: ParticleSource, field: str) -> ParticleSets:
    """Return the sets of particles that agree in a field of their table, in order of name; numbers by value.

    Raises
    ------
    UsageError
        The table has no such field.
    """
    if field == STACK:
        return ParticleSets((STACK,), np.zeros(source.count, np.int64))
    name = field.removeprefix("_")
    known = source.columns.column_names if source.columns is not None else []
    if source.columns is None or name not in known:
        raise UsageError(
            f"--by names {field!r}, which {source.path} does not have; choose {STACK}"
            + "".join(f", {other}" for other in known)
        )
    values = [str(value) for value in source.columns.column(name).to_pylist()]
    names = sorted(set(values), key=_natural)
    place = {value: k for k, value in enumerate(names)}
    return ParticleSets(tuple(names), np.array([place[value] for value in values], np.int64))


def _natural(value: str) -> tuple[float, str]:
    try:
        return float(value), value
    except ValueError:
        return float("inf"), value
