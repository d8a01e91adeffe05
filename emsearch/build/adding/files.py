"""Files offered to an index that stands: which become new structures, which are in it already, which are left out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

from emsearch.build.adding.groups import class_holding
from emsearch.build.inputs import Source
from emsearch.build.progress import Ticker
from emsearch.shapes.reading import read_files
from emsearch.shapes.size_classes import SizeClass
from emsearch.structures.model import Structure
from emsearch_index.errors import InputError

__all__ = ["LeftOut", "Offers", "read_offers", "tell"]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file that is not taken, and the sentence that says why."""

    source: Source
    reason: str


@dataclass(slots=True)
class Offers:
    """What the files came to: new structures by id with their source, ids that the index has, and what is left out."""

    fresh: dict[str, tuple[Source, Structure]] = field(default_factory=dict)
    present: list[str] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)

    def leave_out(self, structure: str, reason: str) -> None:
        """Drop a structure that was read."""
        source, _ = self.fresh.pop(structure)
        self.left_out.append(LeftOut(source, f"{source.name}: {reason}"))


def read_offers(
    sources: Sequence[Source],
    known: Mapping[str, str],
    classes: Sequence[SizeClass],
    *,
    map_level: float | None,
    workers: int,
    report: Callable[[str], None],
) -> Offers:
    """Read what the index does not have: for each structure, the first of its files by name that can be read.

    Parameters
    ----------
    sources : sequence of Source
    known : mapping of structure to the SHA-256 of its file
        What the index has; a file of that content is not read again.
    classes : sequence of SizeClass
        Those of the index; a structure outside all of them is left out.
    map_level, workers, report
        As for `build`.
    """
    offers = Offers()
    unknown: dict[str, list[Source]] = {}
    for source in sources:
        if source.structure not in known:
            unknown.setdefault(source.structure, []).append(source)
        elif known[source.structure] == source.sha256:
            offers.present.append(source.structure)
        else:
            offers.left_out.append(LeftOut(source, _why_not_again(source)))
    ticker = Ticker(report, "add: files", sum(map(len, unknown.values())))
    for turn in zip_longest(*unknown.values()):
        files = [source for source in turn if source is not None]
        _read_turn(offers, files, map_level=map_level, workers=workers)
        ticker.step(len(files))
    for name, (_, structure) in list(offers.fresh.items()):
        if class_holding(structure.features.dmax_angstrom, classes) is None:
            offers.leave_out(name, _why_outside(structure, classes))
    return offers


def tell(offers: Offers, files: int, report: Callable[[str], None]) -> None:
    """Say what is not added and why; InputError where that is everything."""
    if not offers.fresh and not offers.present:
        for one in offers.left_out[1:]:
            report(f"left out: {one.reason}")
        raise InputError(
            f"none of the {files} files could be added; the first of them: {offers.left_out[0].reason}"
        )
    for one in offers.left_out:
        report(f"left out: {one.reason}")
    if offers.present:
        report(f"in the index already: {', '.join(dict.fromkeys(offers.present))}")
    if not offers.fresh:
        report("nothing is new, and nothing was published")


def _read_turn(offers: Offers, files: Sequence[Source], *, map_level: float | None, workers: int) -> None:
    """Read one file of each structure that has none yet."""
    untried = {source.path: source for source in files if source.structure not in offers.fresh}
    for source in files:
        if source.path not in untried:
            first = offers.fresh[source.structure][0].name
            reason = f"{source.name}: is {source.structure}, as is {first}; rename one."
            offers.left_out.append(LeftOut(source, reason))
    for path, answer in read_files(list(untried), map_level=map_level, workers=workers):
        source = untried[path]
        if isinstance(answer, Structure):
            offers.fresh[answer.id] = (source, answer)
        else:
            offers.left_out.append(LeftOut(source, answer))


def _why_not_again(source: Source) -> str:
    if source.sha256 is None:
        return f"{source.name}: cannot be read; give a regular file."
    return (
        f"{source.name}: the index has {source.structure} already, from a file of other content; rename the file "
        "to add it beside that one, or build the index anew."
    )


def _why_outside(structure: Structure, classes: Sequence[SizeClass]) -> str:
    ranges = ", ".join(f"{c.dmax_min_angstrom:g}-{c.dmax_max_angstrom:g}" for c in classes)
    return (
        f"its Dmax of {structure.features.dmax_angstrom:.0f} A lies in none of the index's size classes "
        f"({ranges} A); build the index anew to take it in."
    )
