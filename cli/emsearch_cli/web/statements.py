"""SQL of the page's users, in the guarded child."""

from collections.abc import Mapping
from dataclasses import replace
from io import StringIO

from starlette.concurrency import run_in_threadpool

from emsearch_cli.catalogues import CATALOGUE_NAME
from emsearch_cli.parquet_tables import parquet_bytes
from emsearch_cli.tables import Table, json_text, write_delimited
from emsearch_cli.web.site import Site
from emsearch_index.sql import QueryResult, run_sql

__all__ = ["DOWNLOADS", "downloaded", "run_statement"]

DOWNLOADS = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "parquet": "application/vnd.apache.parquet",
}
"""Formats in which a result can be downloaded, and their media types."""


async def run_statement(site: Site, statement: str, rows: int, parameters: Mapping[str, str]) -> QueryResult:
    """Run a statement when there is a place for it; HTTPException 503 where too many wait, QueryError where it fails."""
    limits = replace(site.settings.sql, rows=rows)
    async with site.sql_places.one("Too many SQL statements run"):
        catalogue = site.generation.file(CATALOGUE_NAME)
        return await run_in_threadpool(run_sql, catalogue, statement, limits, parameters=parameters)


def downloaded(result: QueryResult, form: str) -> str | bytes:
    """Return a result as one of ``DOWNLOADS``."""
    if form == "parquet":
        return parquet_bytes(result.columns, result.rows, result.types)
    table = Table(result.columns, result.rows, result.types)
    if form == "json":
        return json_text(table.records(), indent=2) + "\n"
    text = StringIO()
    write_delimited(table, ",", text)
    return text.getvalue()
