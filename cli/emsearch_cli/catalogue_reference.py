"""The reference of the catalogue as Markdown: ``python -m emsearch_cli.catalogue_reference``.

The page in ``docs/reference/catalogue.md`` is this program's output, and a test compares the two.
"""

from emsearch_index.schema import HITS, TABLES, Table

__all__ = ["catalogue_reference"]

_START = """# Catalogue

*Made from the schema by `python -m emsearch_cli.catalogue_reference`; change that, not this page.*

The catalogue is a DuckDB database. `emsearch sql` runs one `SELECT` over it:

```bash
emsearch sql "SELECT id, title, mass_da / 1000 AS mass_kda FROM structures ORDER BY mass_da DESC LIMIT 5"
```

`emsearch sql --schema` prints these tables in the terminal, `emsearch sql --schema groups` one of them.
[Explore with SQL](../how-to/explore-with-sql.md) has questions to start from."""


def catalogue_reference() -> str:
    """Return the whole page."""
    return "\n\n".join([_START, *(_section(table) for table in (*TABLES, HITS))]) + "\n"


def _section(table: Table) -> str:
    rows = [f"| `{column.name}` | {column.type} | {_escaped(column.comment)} |" for column in table.columns]
    key = ", ".join(f"`{name}`" for name in table.key)
    header = "| column | type | meaning |\n|---|---|---|"
    return "\n\n".join([f"## {table.name}", f"{table.comment} Key: {key}.", "\n".join([header, *rows])])


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    print(catalogue_reference(), end="")
