"""An answer as JSON, as rows, and as the table that a person reads."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from emsearch_cli.options import Format
from emsearch_cli.tables import Table, json_text, stdout_console, write_json, write_table

if TYPE_CHECKING:
    from rich.table import Table as RichTable

    from emsearch.search.hits import Answer, Hit, Quantities, Quantity, View

__all__ = [
    "answer_rows",
    "answer_to_json",
    "by_itself",
    "headline",
    "round_probabilities",
    "size_and_shape",
    "verdict",
    "write_answers",
]

_HIT_COLUMNS = ("rank", "group", "representative", "title", "members", "probability", "similarity")
_SIZE_COLUMNS = ("mass_kda", "dmax_angstrom", "size_class")
_ROTATION_COLUMNS = ("quaternion_w", "quaternion_x", "quaternion_y", "quaternion_z", "in_plane_degrees")
_FIT_COLUMNS = ("shift_x_px", "shift_y_px", "mirror", "fill", "correlation")
_VIEW_COLUMNS = ("structure", *_ROTATION_COLUMNS, *_FIT_COLUMNS)
_PROBABILITIES = ("in_database_probability", "particle_probability")
_ROW_COLUMNS = ("path", "image", *_PROBABILITIES, *_HIT_COLUMNS, *_SIZE_COLUMNS, *_VIEW_COLUMNS)
# Headings of two lines leave more of an 80-column terminal to the title.
_NUMBERS = ("simi-\nlarity", "mass\nkDa", "Dmax\nA", "corre-\nlation")
_HEADINGS = ("rank", "group", "repre-\nsentative", "title", "probability", *_NUMBERS)
_BAR_CELLS = 8
_SHORTEST_TITLE, _LONGEST_TITLE = 8, 44
_NAMED_UNDECIDED = 6
_UNKNOWN_BELOW = 0.5  # in-database probability under which "none of these" is the likelier explanation
_NO_PARTICLE_BELOW = 0.5  # probability of a particle under which noise alone is the likelier explanation
_MEGADALTONS_FROM_KDA = 10_000


def write_answers(answers: Sequence["Answer"], form: Format) -> None:
    """Write answers to standard output: one object for one image, a list for several."""
    if form is Format.TABLE:
        for answer in answers:
            _write_table(answer)
    elif form is Format.JSON:
        objects = [answer_to_json(answer) for answer in answers]
        write_json(objects[0] if len(objects) == 1 else objects)
    elif form is Format.JSONL:
        for answer in answers:
            print(json_text(answer_to_json(answer), indent=None))
    else:
        write_table(answer_rows(answers), form)


def answer_to_json(answer: "Answer") -> dict[str, Any]:
    """Return the object that ``emsearch query --format json`` prints.

    The probabilities are rounded together, so that those of the hits and of "none of these" never sum
    to more than one.
    """
    in_database, probabilities = _rounded(answer)
    return {
        "query": {
            "path": answer.path,
            "image": answer.image,
            "pixel_size_angstrom": answer.pixel_size_angstrom,
            "pixel_size_source": answer.pixel_size_source,
            "contrast": answer.contrast,
        },
        "index": {"path": answer.index_path, "generation": answer.generation},
        "in_database_probability": in_database,
        "particle_probability": max(in_database, round(answer.particle_probability, 4)),
        "hits": [
            _hit_to_json(hit, probability)
            for hit, probability in zip(answer.hits, probabilities, strict=True)
        ],
        "undecided": list(answer.undecided),
        "quantities": None if answer.quantities is None else _quantities_to_json(answer.quantities),
    }


def _quantities_to_json(quantities: "Quantities") -> dict[str, Any]:
    return {
        name: {
            "value": _three_digits(q["value"]),
            "low": _three_digits(q["low"]),
            "high": _three_digits(q["high"]),
        }
        for name, q in asdict(quantities).items()
        if q is not None
    } | {"shape": quantities.shape}


def _three_digits(value: float) -> float:
    return float(f"{value:.3g}")


def _hit_to_json(hit: "Hit", probability: float) -> dict[str, Any]:
    return {
        "rank": hit.rank,
        "group": hit.group,
        "representative": hit.representative,
        "title": hit.title,
        "members": list(hit.members),
        "probability": probability,
        "similarity": None if hit.similarity is None else round(hit.similarity, 4),
        "mass_kda": round(hit.mass_kda, 1),
        "dmax_angstrom": round(hit.dmax_angstrom, 1),
        "size_class": hit.size_class,
        "view": None if hit.view is None else _view_to_json(hit.view),
    }


def _view_to_json(view: "View") -> dict[str, Any]:
    return {
        "structure": view.structure,
        "quaternion": [round(component, 6) for component in view.quaternion],
        "in_plane_degrees": round(view.in_plane_degrees, 2),
        "shift_px": [round(shift, 2) for shift in view.shift_px],
        "mirror": view.mirror,
        "fill": round(view.fill, 3),
        "correlation": round(view.correlation, 4),
    }


def _rounded(answer: "Answer") -> tuple[float, list[float]]:
    """Return the in-database probability and those of the hits, rounded together."""
    none_of_these = 1.0 - answer.in_database_probability
    shares = [none_of_these, *(hit.probability for hit in answer.hits)]
    other_groups = max(0.0, 1.0 - sum(shares))
    none_rounded, *hits_rounded, _ = round_probabilities([*shares, other_groups])
    return round(1.0 - none_rounded, 4), hits_rounded


def round_probabilities(shares: Sequence[float], decimals: int = 4) -> list[float]:
    """Round numbers so that they keep their sum (as rounded) and their order.

    The method of largest remainders: all are rounded down, and what is then missing goes, one unit
    each, to those that lost most.

    >>> round_probabilities([1 / 3, 1 / 3, 1 / 3], decimals=2)
    [0.34, 0.33, 0.33]
    """
    unit = 10**decimals
    scaled = [share * unit for share in shares]
    floors = [int(value + 1e-6) for value in scaled]  # 0.29 * 100 is 28.999...
    missing = round(sum(scaled)) - sum(floors)
    by_loss = sorted(range(len(shares)), key=lambda place: floors[place] - scaled[place])
    for place in by_loss[: max(0, missing)]:
        floors[place] += 1
    return [floor / unit for floor in floors]


def answer_rows(answers: Sequence["Answer"]) -> Table:
    """Return one row a hit, flat, for TSV, CSV and Parquet."""
    return Table(_ROW_COLUMNS, [row for answer in answers for row in _flat_hits(answer)])


def _flat_hits(answer: "Answer") -> list[list[Any]]:
    record = answer_to_json(answer)
    start = [answer.path, answer.image, *(record[name] for name in _PROBABILITIES)]
    return [
        [*start, *(value for key, value in hit.items() if key != "view"), *_flat_view(hit["view"])]
        for hit in record["hits"]
    ]


def _flat_view(view: dict[str, Any] | None) -> list[Any]:
    if view is None:
        return [None] * len(_VIEW_COLUMNS)
    tail = [view["mirror"], view["fill"], view["correlation"]]
    return [view["structure"], *view["quaternion"], view["in_plane_degrees"], *view["shift_px"], *tail]


def headline(answer: "Answer") -> str:
    """Return the line above the table: what was assumed of the image and how likely it is known."""
    if answer.pixel_size_angstrom is None:
        size = f"pixel size unknown ({answer.pixel_size_source}): every scale was searched, size was not used"
    else:
        size = f"pixel size {answer.pixel_size_angstrom:.4g} A ({answer.pixel_size_source})"
    chance = f"in the database with probability {answer.in_database_probability:.2f}"
    return f"{answer.path}, image {answer.image}: {size}, contrast {answer.contrast}, {chance}"


def verdict(answer: "Answer") -> str | None:
    """Return the warning that there is no particle, or none of the database, or that several groups fit it, or None."""
    if answer.particle_probability < _NO_PARTICLE_BELOW:
        return "Probably NO particle: noise alone explains the image as well as any of the groups below."
    if answer.in_database_probability < _UNKNOWN_BELOW:
        return (
            "Probably NOT in the database: the groups below are the most similar ones, not an identification."
        )
    if len(answer.undecided) > 1:
        named = ", ".join(answer.undecided[:_NAMED_UNDECIDED])
        more = len(answer.undecided) - _NAMED_UNDECIDED
        others = f" and {more} more" if more > 0 else ""
        return f"Ambiguous: this image cannot decide among {named}{others} (95 times in 100 one of these is right)."
    return None


def by_itself(answer: "Answer", angstrom: str = "A") -> str | None:
    """Return what the picture says of the particle's size whatever it is, or None where that is not known.

    ``angstrom`` is how the unit is written.
    """
    if answer.quantities is None:
        return None
    shape = answer.quantities.shape
    return f"By the picture alone: {size_and_shape(answer.quantities, shape, angstrom)}"


def size_and_shape(quantities: "Quantities", shape: str | None, angstrom: str = "A") -> str:
    """Return mass, length and a word for the shape, with their ranges."""
    mass, long = _span(quantities.mass_kda, "kDa"), _span(quantities.dmax_angstrom, angstrom)
    word = f", {shape}" if shape else ""
    return f"{mass}, {long} long{word} (each range holds the truth 90 times in 100)"


def _span(quantity: "Quantity", unit: str) -> str:
    values = [quantity.value, quantity.low, quantity.high]
    if unit == "kDa" and quantity.value >= _MEGADALTONS_FROM_KDA:
        values, unit = [v / 1000 for v in values], "MDa"
    value, low, high = (_three_digits(v) for v in values)
    return f"{value:g} {unit} ({low:g} to {high:g})"


def _write_table(answer: "Answer") -> None:
    from rich.text import Text

    console = stdout_console()
    console.print(Text(headline(answer)), soft_wrap=True)
    warning = verdict(answer)
    if warning:
        console.print(Text(warning, style="bold yellow"), soft_wrap=True)
    size = by_itself(answer)
    if size:
        console.print(Text(size), soft_wrap=True)
    ascii_only = console.options.ascii_only
    bare = console.measure(_hit_table(answer, _SHORTEST_TITLE, ascii_only=ascii_only)).maximum
    room = max(0, console.width - bare)
    console.print(_hit_table(answer, min(_LONGEST_TITLE, _SHORTEST_TITLE + room), ascii_only=ascii_only))


def _hit_table(answer: "Answer", title_width: int, *, ascii_only: bool) -> "RichTable":
    from rich.box import SIMPLE_HEAD
    from rich.table import Table as RichTable
    from rich.text import Text

    table = RichTable(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for name in _HEADINGS:
        table.add_column(name, justify="right" if name in _NUMBERS else "left")
    blocks = ("#", ".") if ascii_only else ("█", "░")
    for hit in answer.hits:
        table.add_row(*(Text(cell) for cell in _hit_cells(hit, blocks, title_width)))
    return table


def _hit_cells(hit: "Hit", blocks: tuple[str, str], title_width: int) -> list[str]:
    filled = round(max(0.0, min(1.0, hit.probability)) * _BAR_CELLS)
    bar = blocks[0] * filled + blocks[1] * (_BAR_CELLS - filled)
    return [
        str(hit.rank),
        hit.group,
        hit.representative,
        _shortened(hit.title, title_width),
        f"{bar} {hit.probability:.3f}",
        "" if hit.similarity is None else f"{hit.similarity:.2f}",
        f"{hit.mass_kda:.0f}",
        f"{hit.dmax_angstrom:.0f}",
        "" if hit.view is None else f"{hit.view.correlation:.2f}",
    ]


def _shortened(title: str, width: int) -> str:
    title = " ".join(title.split())
    return title if len(title) <= width else title[: width - 3].rstrip() + "..."
