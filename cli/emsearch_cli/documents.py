"""One thing with its properties and lists (a group, a structure, an index) to standard output."""

from collections.abc import Mapping
from typing import Any

from emsearch_cli.options import Format
from emsearch_cli.plain_values import plain
from emsearch_cli.tables import Table, json_text, write_json, write_table

__all__ = ["write_document"]


def write_document(document: Mapping[str, Any], form: Format) -> None:
    """Write a document; a value that is a :class:`Table` becomes a table of its own or a list of objects.

    JSON keeps the nesting; TSV, CSV and Parquet hold one row a property, with what is nested as JSON.
    """
    if form is Format.TABLE:
        _write_sections(document)
        return
    values = {
        name: value.records() if isinstance(value, Table) else plain(value)
        for name, value in document.items()
    }
    if form is Format.JSON:
        write_json(values)
    elif form is Format.JSONL:
        print(json_text(values, indent=None))
    else:
        rows = [[name, _text(value)] for name, value in values.items()]
        write_table(Table(("quantity", "value"), rows), form)


def _write_sections(document: Mapping[str, Any]) -> None:
    properties = [[name, value] for name, value in document.items() if not isinstance(value, Table)]
    if properties:
        write_table(Table(("quantity", "value"), properties), Format.TABLE)
    for name, value in document.items():
        if isinstance(value, Table) and value.rows:
            write_table(value, Format.TABLE, title=name.replace("_", " "))


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json_text(value, indent=None)
