"""How the search does on labelled experimental images: a folder of stacks and a manifest of what they show."""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emsearch.evidence.posterior import AS_JUDGED, SetPosterior, set_posterior
from emsearch.evidence.shares import log_shares
from emsearch.search.engine import SearchIndex
from emsearch.search.searching import search_file
from emsearch.search.shortlist import SHORTLIST
from emsearch_index.errors import InputError

__all__ = ["MANIFEST", "LabelledStack", "RealScore", "evaluate_real", "read_labels"]

MANIFEST = "manifest.tsv"
_COLUMNS = ("name", "molecule", "accepted_pdb_ids", "pixel_angstrom", "contrast")


@dataclass(frozen=True, slots=True)
class LabelledStack:
    """One row of a manifest: a stack, what it shows, and the structures that count as right, in lower case."""

    path: Path
    molecule: str
    accepted: tuple[str, ...]
    pixel_size_angstrom: float | None
    contrast: str


@dataclass(frozen=True, slots=True)
class RealScore:
    """What came of one image, or of a stack as a whole where ``image`` is "all" (evidence summed over its images).

    ``rank`` is that of the first accepted group, None where it was not among the groups matched, or the index holds none
    (``in_index`` false).
    """

    stack: str
    molecule: str
    image: str
    in_index: bool
    rank: int | None
    first: str
    first_title: str
    probability: float
    in_database_probability: float


def read_labels(folder: Path) -> list[LabelledStack]:
    """Read the manifest of a folder: tab-separated, with the columns of the index's documentation.

    Rows whose ``scored`` is "no" are left out.

    Raises
    ------
    InputError
        There is no manifest, a column is missing, or a row names no stack or has a bad pixel size.
    """
    path = folder / MANIFEST
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream, delimiter="\t"))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} cannot be read ({error}); give a folder with a {MANIFEST}") from error
    missing = [name for name in _COLUMNS if rows and name not in rows[0]]
    if not rows or missing:
        found = f"lacks the columns {', '.join(missing)}" if rows else "has no rows"
        raise InputError(f"{path} {found}; expected {', '.join(_COLUMNS)}, separated by tabs")
    scored = [row for row in rows if (row.get("scored") or "yes").lower() != "no"]
    return [_label(folder, row) for row in scored]


def _label(folder: Path, row: dict[str, str]) -> LabelledStack:
    name = row["name"]
    found = [
        path for path in (folder / name, folder / f"{name}.mrcs", folder / f"{name}.mrc") if path.is_file()
    ]
    if not name or not found:
        raise InputError(f"{folder / MANIFEST} names {name!r} and there is no such stack in the folder")
    try:
        pixel = float(row["pixel_angstrom"] or 0)
    except ValueError as error:
        raise InputError(
            f"{folder / MANIFEST} gives {name} the pixel size {row['pixel_angstrom']!r}; expected A, 0 if unknown"
        ) from error
    contrast = row["contrast"] if row["contrast"] in ("bright", "dark") else "auto"
    accepted = tuple(item.strip().lower() for item in row["accepted_pdb_ids"].split(",") if item.strip())
    return LabelledStack(found[0], row["molecule"], accepted, pixel if pixel > 0 else None, contrast)


def _accepted_groups(index: SearchIndex, accepted: Sequence[str]) -> NDArray[np.int64]:
    """Return the groups that hold an accepted entry, as a structure or as the map of that name."""
    names = {*accepted, *(f"{name}_map" for name in accepted)}
    return np.array(
        [k for k, group in enumerate(index.groups) if names & {m.lower() for m in group.members}], np.int64
    )


def _score(
    index: SearchIndex,
    label: LabelledStack,
    image: str,
    found: SetPosterior,
    ranked: int,
) -> RealScore:
    right = _accepted_groups(index, label.accepted)
    order = found.order
    places = np.flatnonzero(np.isin(order, right))
    rank = int(places[0]) + 1 if len(places) and places[0] < ranked else None
    first = index.groups[int(order[0])]
    return RealScore(
        stack=label.path.name,
        molecule=label.molecule,
        image=image,
        in_index=len(right) > 0,
        rank=rank,
        first=first.representative,
        first_title=first.title,
        probability=float(found.probability[order[0]]),
        in_database_probability=1 - found.none,
    )


def evaluate_real(
    index: SearchIndex,
    folder: Path,
    *,
    contrast: str | None = None,
    rerank: int = SHORTLIST,
    report: Callable[[str], None] = lambda line: None,
) -> list[RealScore]:
    """Search every image of every labelled stack of a folder.

    ``contrast`` replaces that of the manifest, so that "auto" tests its finding too.
    """
    scores = []
    for label in read_labels(folder):
        answers = search_file(
            index,
            str(label.path),
            pixel_size_angstrom=label.pixel_size_angstrom,
            contrast=contrast or label.contrast,
            top=rerank,
            rerank=rerank,
        )
        shares = np.array([log_shares(a.hits, a.in_database_probability, index.number) for a in answers])
        for answer, share in zip(answers, shares, strict=True):
            alone = set_posterior(share[None], junk_share=0.0, sharpness=AS_JUDGED)
            scores.append(_score(index, label, str(answer.image), alone, len(answer.hits)))
        together = set_posterior(shares, sharpness=AS_JUDGED)  # not all groups were matched with each image
        whole = _score(index, label, "all", together, len(index.groups))
        scores.append(whole)
        first = sum(s.rank == 1 for s in scores if s.stack == label.path.name and s.image != "all")
        report(
            f"{label.path.name}: right group first in {first} of {len(answers)} images, rank {whole.rank} as a set"
        )
    return scores
