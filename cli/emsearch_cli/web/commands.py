"""The command that does what a page does, to be typed in a terminal."""

from pathlib import Path
from shlex import join
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emsearch_cli.web.uploads import SearchForm

__all__ = ["groups_command", "query_command", "show_command", "sql_command"]


def query_command(name: str, form: "SearchForm", index: Path | None, image: int | None = None) -> str:
    """Return the query of a file; ``image`` is one of a stack."""
    file = f"./{name}" if name.startswith("-") or "@" in name else name
    options = []
    if form.pixel_size_angstrom is not None:
        options += ["--pixel-size", f"{form.pixel_size_angstrom:.10g}"]
    for option, value in (("contrast", form.contrast), ("top", form.top), ("rerank", form.rerank)):
        if value != type(form).model_fields[option].default:
            options += [f"--{option}", str(value)]
    return join(["emsearch", "query", file if image is None else f"{image}@{file}", *options, *_index(index)])


def groups_command(size_class: str, sort: str, text: str, index: Path | None) -> str:
    """Return the listing of groups, or of the structures that have a text in their name, title or organism."""
    if text:
        sought = text.replace("'", "''")
        where = f"concat_ws(' ', id, title, organism) ILIKE '%{sought}%'"
        return sql_command(f"SELECT group_id, id, title FROM structures WHERE {where}", index)
    options = ["--size-class", size_class] if size_class else []
    return join(["emsearch", "groups", *options, "--sort", sort, *_index(index)])


def show_command(identifier: str, index: Path | None) -> str:
    """Return what tells of a structure or group."""
    return join(["emsearch", "show", identifier, *_index(index)])


def sql_command(statement: str, index: Path | None) -> str:
    """Return the SQL statement."""
    return join(["emsearch", "sql", statement, *_index(index)])


def _index(index: Path | None) -> list[str]:
    return [] if index is None else ["--index", str(index)]
