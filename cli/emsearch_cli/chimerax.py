"""Bead models for UCSF ChimeraX as mmCIF, turned as an image or a card shows them, and a script that opens them."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from emsearch_cli.report.environment import pdb_url

if TYPE_CHECKING:
    import gemmi
    import numpy as np
    from numpy.typing import NDArray

    from emsearch.batch.set_answers import SetAnswer
    from emsearch.gallery.superposed import SuperposedBeads
    from emsearch.search.engine import SearchIndex
    from emsearch.search.hits import Answer, View

__all__ = [
    "PosedModel",
    "bead_numbers",
    "bead_structure",
    "models_of_answer",
    "models_of_sets",
    "write_chimerax",
    "write_superposed",
]

_UNSAFE = re.compile(r"[^A-Za-z0-9_.+-]")  # whatever could end a name and begin a command
_RESOLUTION_ANGSTROM = 15


@dataclass(frozen=True, slots=True)
class PosedModel:
    """A structure as a view poses it, and the words that its model is called by."""

    words: tuple[str, ...]
    view: "View"

    @property
    def name(self) -> str:
        """The words without any sign that means something to ChimeraX."""
        return _safe_name(self.words)


def models_of_answer(answer: "Answer") -> list[PosedModel]:
    """Return the matched hits of an image, the first one first."""
    return [
        PosedModel((str(hit.rank), hit.view.structure, f"{hit.probability:.3f}"), hit.view)
        for hit in answer.hits
        if hit.view is not None
    ]


def models_of_sets(answers: "Sequence[SetAnswer]") -> list[PosedModel]:
    """Return the first hit of each set in the pose of the image that shows it most clearly."""
    return [
        PosedModel((a.set, a.hits[0].representative, f"{a.hits[0].probability:.3f}"), a.posed[0].view)
        for a in answers
        if a.posed
    ]


def write_chimerax(
    index: "SearchIndex", models: Sequence[PosedModel], path: Path, *, side_by_side: bool = False
) -> None:
    """Write models and the script that opens them, seen as in the image.

    The models of one image lie on each other and the first is shown; those of several stand side by side.
    """
    from emsearch.search.posed_beads import posed_beads

    opened = (_Opened(model.name, model.view.structure, *posed_beads(index, model.view)) for model in models)
    _write(opened, path, "Shapes found by emsearch", "as the image shows them", side_by_side)


def write_superposed(members: "Iterable[SuperposedBeads]", path: Path) -> None:
    """Write the members of a group, lying on each other, and the script that opens them; the first is shown."""
    opened = (
        _Opened(_safe_name(_words_of(member)), member.structure, member.position_angstrom, member.nucleic)
        for member in members
    )
    _write(opened, path, "A shape group of emsearch", "as the first picture of its card shows them", False)


def _words_of(member: "SuperposedBeads") -> list[str]:
    similarity = [] if member.similarity is None else [f"{member.similarity:.3f}"]
    return [member.structure, *similarity, *(["mirrored"] if member.mirror else [])]


def _safe_name(words: Iterable[str]) -> str:
    """Return words without any sign that means something to ChimeraX."""
    return " ".join(_UNSAFE.sub("_", word) for word in words)


@dataclass(frozen=True, slots=True, eq=False)
class _Opened:
    """A model of the script: what it is called, which structure it is, and where its beads lie."""

    name: str
    structure: str
    position_angstrom: "NDArray[np.float64]"
    nucleic: "NDArray[np.bool_]"


def _write(models: Iterable[_Opened], path: Path, what: str, turned: str, side_by_side: bool) -> None:
    """Write the models and then the script, so that it never names a model that is not there."""
    folder = path.with_name(_UNSAFE.sub("_", path.stem) + "-models")
    folder.mkdir(exist_ok=True)
    lines = [
        f"# {what}: bead models, one bead a residue, turned {turned}",
        "# For a new session of ChimeraX. Models are shown and hidden in its list of models.",
    ]
    count = 0
    for count, model in enumerate(models, start=1):
        file = folder / f"{count:03d}.cif"
        bead_structure(model.position_angstrom, model.nucleic).make_mmcif_document().write_file(str(file))
        lines += _opened(count, model, f"{folder.name}/{file.name}")
    lines += ["hide atoms", "hide cartoons", "lighting soft", "view orient", *_arranged(count, side_by_side)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def bead_numbers(nucleic: "NDArray[np.bool_]") -> list[tuple[str, int]]:
    """Return the chain and number of each bead (n,): protein in chain A, nucleotides in chain B, each from 1 in order."""
    last = {"A": 0, "B": 0}
    found = []
    for is_nucleotide in nucleic.tolist():
        chain = "B" if is_nucleotide else "A"
        last[chain] += 1
        found.append((chain, last[chain]))
    return found


def bead_structure(
    position_angstrom: "NDArray[np.float64]",
    nucleic: "NDArray[np.bool_]",
    b_factor: "NDArray[np.float64] | None" = None,
) -> "gemmi.Structure":
    """Return beads (n, 3) as one atom a residue: C-alpha of glycine in chain A, phosphorus of adenosine in chain B."""
    import gemmi

    kinds = {"A": ("GLY", "CA", "C"), "B": ("A", "P", "P")}
    chains = {name: gemmi.Chain(name) for name in kinds}
    factors = b_factor.tolist() if b_factor is not None else [20.0] * len(nucleic)
    for (chain, number), place, factor in zip(
        bead_numbers(nucleic), position_angstrom.tolist(), factors, strict=True
    ):
        residue, atom = gemmi.Residue(), gemmi.Atom()
        residue.name, atom.name, element = kinds[chain]
        residue.seqid = gemmi.SeqId(str(number))
        atom.element, atom.pos, atom.b_iso = gemmi.Element(element), gemmi.Position(*place), factor
        residue.add_atom(atom)
        chains[chain].add_residue(residue)
    structure, model = gemmi.Structure(), gemmi.Model(1)
    for made in chains.values():
        if len(made):
            model.add_chain(made)
    structure.add_model(model)
    return structure


def _opened(number: int, model: _Opened, file: str) -> list[str]:
    page = pdb_url(model.structure)
    return [
        *([f"# {page}"] if page else []),
        f'open {file} name "{model.name}"',
        f"surface #{number} resolution {_RESOLUTION_ANGSTROM}",
    ]


def _arranged(count: int, side_by_side: bool) -> list[str]:
    if side_by_side:
        return [f"tile #1-{count}"]
    hidden = [f"hide #2-{count} models"] if count > 1 else []
    return [*hidden, "view"]
