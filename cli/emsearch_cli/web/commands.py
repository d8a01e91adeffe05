"""The command that does what a page does, to be typed in a terminal."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emsearch_cli.web.uploads import SearchForm
    from emsearch_index.saved_questions import SavedQuestion

__all__ = [
    "explain_command",
    "groups_command",
    "map_command",
    "query_command",
    "saved_command",
    "show_command",
    "sql_command",
]


def query_command(name: str, form: "SearchForm", index: Path | None, image: int | None = None) -> str:
    """Return the query of a file; ``image`` is one of a stack."""
    options = _pixel_size(form)
    for option, value in (("contrast", form.contrast), ("top", form.top), ("rerank", form.rerank)):
        if value != type(form).model_fields[option].default:
            options += [f"--{option}", str(value)]
    return _join(["emsearch", "query", *_image(name, image), *options, *_index(index)])


def explain_command(
    name: str,
    form: "SearchForm",
    hit: str,
    rather_than: str | None,
    index: Path | None,
    image: int | None = None,
) -> str:
    """Return the explanation of a hit in a file; ``image`` is one of a stack."""
    options = ["--hit", hit, *([] if rather_than is None else ["--rather-than", rather_than])]
    if form.contrast != "auto":
        options += ["--contrast", form.contrast]
    return _join(
        [
            "emsearch",
            "explain",
            *_image(name, image),
            *_pixel_size(form),
            *options,
            "-o",
            "why",
            *_index(index),
        ]
    )


def groups_command(size_class: str, sort: str, text: str, index: Path | None) -> str:
    """Return the listing of groups, or of the structures that have a text in their name, title or organism."""
    if text:
        sought = text.replace("'", "''")
        where = f"concat_ws(' ', id, title, organism) ILIKE '%{sought}%'"
        return sql_command(f"SELECT group_id, id, title FROM structures WHERE {where}", index)
    options = ["--size-class", size_class] if size_class else []
    return _join(["emsearch", "groups", *options, "--sort", sort, *_index(index)])


def map_command(size_class: str, colour: str, index: Path | None) -> str:
    """Return the map as a page."""
    options = ["--size-class", size_class] if size_class else []
    return _join(["emsearch", "map", *options, "--colour", colour, "--html", "map.html", *_index(index)])


def show_command(identifier: str, index: Path | None) -> str:
    """Return what tells of a structure or group."""
    return _join(["emsearch", "show", identifier, *_index(index)])


def sql_command(statement: str, index: Path | None, parameters: Mapping[str, str] | None = None) -> str:
    """Return the SQL statement with the values that it leaves open."""
    return _join(["emsearch", "sql", statement, *_parameters(parameters or {}), *_index(index)])


def saved_command(question: "SavedQuestion", parameters: Mapping[str, str], index: Path | None) -> str:
    """Return the ready-made question, with the values that are not its defaults."""
    usual = {parameter.name: parameter.default for parameter in question.parameters}
    given = {name: value for name, value in parameters.items() if value != usual.get(name)}
    hits = ["--hits", "hits.parquet"] if question.needs_hits else []
    return _join(["emsearch", "sql", "--saved", question.name, *_parameters(given), *hits, *_index(index)])


def _join(words: Iterable[str]) -> str:
    """Return a line for a shell, in double quotes what holds single ones, which reads better than their escapes.

    >>> print(_join(["emsearch", "sql", "SELECT 'a'", 'SELECT "a$"']))
    emsearch sql "SELECT 'a'" 'SELECT "a$"'
    """
    return " ".join(
        f'"{word}"' if "'" in word and not set(word) & set('"$`\\!') else quote(word) for word in words
    )


def _image(name: str, image: int | None) -> list[str]:
    file = f"./{name}" if name.startswith("-") or "@" in name else name
    return [file if image is None else f"{image}@{file}"]


def _pixel_size(form: "SearchForm") -> list[str]:
    pixel = form.pixel_size_angstrom
    return [] if pixel is None else ["--pixel-size", f"{pixel:.10g}"]


def _parameters(values: Mapping[str, str]) -> list[str]:
    return [word for name, value in values.items() for word in ("-p", f"{name}={value or '...'}")]


def _index(index: Path | None) -> list[str]:
    return [] if index is None else ["--index", str(index)]
