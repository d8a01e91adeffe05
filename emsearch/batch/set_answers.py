"""One answer for each set: the network chooses a shortlist, and the images that are matched against it speak."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from emsearch.batch.matched_sample import shortlist_of, spread_over, witnesses
from emsearch.batch.parts import Parts
from emsearch.batch.quantity_columns import QUANTITY_TYPES, quantity_values
from emsearch.batch.set_evidence import Witness
from emsearch.batch.set_quantities import KeptQuantities
from emsearch.batch.sets import ParticleSets
from emsearch.batch.shares import KeptShares
from emsearch.batch.stack_search import StackSearch
from emsearch.evidence.posterior import SetPosterior, set_posterior
from emsearch.search.engine import SearchIndex
from emsearch.search.hits import Quantities, Quantity, View
from emsearch.shapes.rotations import quaternions_to_matrices

__all__ = ["Posed", "SetAnswer", "SetHit", "answer_sets", "set_rows"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SetHit:
    """A shape group, and how probable it is that a set shows it."""

    group: str
    representative: str
    title: str
    probability: float


@dataclass(frozen=True, slots=True)
class Posed:
    """A particle, by its row from 0, and the pose in which the first group of its set explains it."""

    row: int
    view: View


@dataclass(frozen=True, slots=True)
class SetAnswer:
    """What the images of a set say together, as `emsearch.evidence.posterior.SetPosterior` has it.

    ``images`` are those that could be searched, ``matched`` of them by projection; ``speaking`` and
    ``images_to_settle`` are of those that were matched. ``posed`` are the matched images that the first group explains
    best, the clearest first. ``quantities`` are what all images show together, ``shapes`` the words for their shapes with
    how many images show each.
    """

    set: str
    images: int
    matched: int
    hits: tuple[SetHit, ...]
    none: float
    speaking: int
    images_to_settle: int | None
    posed: tuple[Posed, ...] = ()
    quantities: Quantities | None = None
    shapes: tuple[tuple[str, int], ...] = ()

    @property
    def directions(self) -> Floats:
        """From where the set was seen, unit vectors (n, 3) in the frame of the first group's structure."""
        quaternion = np.array([p.view.quaternion for p in self.posed]).reshape(-1, 4)
        return quaternions_to_matrices(quaternion)[:, 2]


def answer_sets(
    stack: StackSearch,
    sets: ParticleSets,
    shares: KeptShares,
    quantities: KeptQuantities,
    parts: Parts,
    progress: Callable[[int, int], None],
) -> list[SetAnswer]:
    """Answer every set, those that a stopped batch has answered not again; ``progress`` is told of sets."""
    pooled, there = shares.pooled(sets)
    answers = []
    progress(0, len(sets.names))
    for number, name in enumerate(sets.names):
        rows = sets.rows(number)
        rows = rows[there[rows]]
        kept = parts.note(_note(number))
        if kept is None:
            read, shapes = quantities.of(rows)
            answer = replace(_answer(stack, name, rows, pooled[number]), quantities=read, shapes=shapes)
            parts.keep(_note(number), asdict(answer))
        else:
            answer = _of_json(kept)
        answers.append(answer)
        progress(number + 1, len(sets.names))
    return answers


def _answer(stack: StackSearch, name: str, rows: NDArray[np.int64], pooled: Floats) -> SetAnswer:
    if not len(rows):
        return SetAnswer(name, 0, 0, (), 0.5, 0, None)
    index = stack.index
    shortlist = shortlist_of(index, pooled)
    looked_at = spread_over(rows, stack.settings.match_per_set)
    found = witnesses(stack, looked_at, shortlist)
    matched = np.stack([w.said for w in found.values()])
    together = set_posterior(matched)
    return SetAnswer(
        set=name,
        images=len(rows),
        matched=len(matched),
        hits=tuple(
            _hit(index, shortlist, together, k) for k in together.order[: stack.settings.top].tolist()
        ),
        none=together.none,
        speaking=together.speaking,
        images_to_settle=together.images_to_settle,
        posed=_posed(found, int(together.order[0])),
    )


def _posed(found: dict[int, Witness], first: int) -> tuple[Posed, ...]:
    """Return the poses of the images that group number ``first`` explains best, the clearest image first."""
    own = [(w.said[first], row, w.views[first]) for row, w in found.items() if w.first == first]
    return tuple(Posed(row, view) for _, row, view in sorted(own, key=lambda entry: -entry[0]))


def _hit(index: SearchIndex, shortlist: NDArray[np.int64], together: SetPosterior, k: int) -> SetHit:
    group = index.groups[shortlist[k]]
    return SetHit(group.id, group.representative, group.title, float(together.probability[k]))


def _note(number: int) -> str:
    return f"set-{number:06d}"


def _of_json(kept: dict[str, Any]) -> SetAnswer:
    return SetAnswer(
        **{
            **kept,
            "hits": tuple(SetHit(**hit) for hit in kept["hits"]),
            "posed": tuple(map(_posed_of_json, kept["posed"])),
            "quantities": _quantities_of_json(kept["quantities"]),
            "shapes": tuple((word, images) for word, images in kept["shapes"]),
        }
    )


def _quantities_of_json(kept: dict[str, Any] | None) -> Quantities | None:
    if kept is None:
        return None
    return Quantities(**{name: Quantity(**of) for name, of in kept.items() if of is not None})


def _posed_of_json(kept: dict[str, Any]) -> Posed:
    view = kept["view"]
    pairs = {name: tuple(view[name]) for name in ("quaternion", "shift_px")}
    return Posed(kept["row"], View(**{**view, **pairs}))


def set_rows(answers: list[SetAnswer]) -> pa.Table:
    """Return one row a set: its first hit flat, and all hits as a list of structs."""
    hit = pa.struct(
        [
            ("group", pa.string()),
            ("representative", pa.string()),
            ("title", pa.string()),
            ("probability", pa.float64()),
        ]
    )
    first = [a.hits[0] if a.hits else None for a in answers]
    read = quantity_values([a.quantities for a in answers])
    read["picture_shape"] = [a.shapes[0][0] if a.shapes else None for a in answers]
    return pa.table(
        {
            "set": pa.array([a.set for a in answers], pa.string()),
            "images": pa.array([a.images for a in answers], pa.int64()),
            "matched": pa.array([a.matched for a in answers], pa.int64()),
            "group": pa.array([f.group if f else None for f in first], pa.string()),
            "representative": pa.array([f.representative if f else None for f in first], pa.string()),
            "probability": pa.array([f.probability if f else None for f in first], pa.float64()),
            "none": pa.array([a.none for a in answers], pa.float64()),
            "speaking": pa.array([a.speaking for a in answers], pa.int64()),
            "images_to_settle": pa.array([a.images_to_settle for a in answers], pa.int64()),
            **{name: pa.array(read[name], kind) for name, kind in QUANTITY_TYPES.items()},
            "hits": pa.array([[asdict(h) for h in a.hits] for a in answers], pa.list_(hit)),
        }
    )
