"""The page that asks the catalogue in SQL: statements, ready-made questions, and results as files."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse

from emsearch_cli.web.commands import saved_command, sql_command
from emsearch_cli.web.site import Site, site_of
from emsearch_cli.web.statements import DOWNLOADS, downloaded, run_statement
from emsearch_index.errors import QueryError
from emsearch_index.saved_questions import SavedQuestion, saved_question, saved_questions
from emsearch_index.schema import TABLES

__all__ = ["router"]

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

_SHOWN_ROWS = 200
_DOWNLOADED_ROWS = 10_000
_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UBIGINT", "FLOAT", "DOUBLE")
_VALUE = re.compile(r"value-(\w+)")  # how the form names the value of a parameter
_FIRST_STATEMENT = """SELECT id, title, mass_da / 1000 AS mass_kda, dmax_angstrom
FROM structures
ORDER BY mass_da DESC
LIMIT 20"""

Statement = Annotated[str, Query(max_length=20_000)]
Name = Annotated[str, Query(max_length=200)]


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the form holds: a statement, the ready-made question that it was if any, and a value for each ``$name``."""

    statement: str
    question: SavedQuestion | None
    values: Mapping[str, str]

    @property
    def saved(self) -> bool:
        """Whether it is the question as it stands."""
        return self.question is not None and self.question.sql == self.statement

    @property
    def runs(self) -> bool:
        """Whether there is something to run: no value is missing, and no hits of a batch are needed."""
        hits = self.question is not None and self.question.needs_hits
        return bool(self.statement.strip()) and not hits and all(self.values.values())

    def command(self, site: Site) -> str | None:
        """Return the command that does the same."""
        if self.saved and self.question is not None:
            return saved_command(self.question, self.values, site.index_option)
        return sql_command(self.statement, site.index_option, self.values) if self.statement.strip() else None


def _asked(request: Request, statement: str, name: str) -> _Asked:
    question = saved_question(name) if name else None
    statement = statement.replace("\r\n", "\n")  # as a browser sends the lines of a form
    if question is not None and not statement.strip():
        statement = question.sql
    values = {p.name: p.default or "" for p in question.parameters} if question is not None else {}
    for key, value in request.query_params.items():
        if match := _VALUE.fullmatch(key):
            values[match[1]] = value.strip()
    used = {name: value for name, value in values.items() if re.search(rf"\${name}\b", statement)}
    return _Asked(statement, question, used)


@router.get("/sql")
async def show_sql(request: Request, statement: Statement = "", question: Name = "") -> Response:
    """Show the box for a statement, the ready-made questions, and the first rows of the result."""
    site = site_of(request)
    asked = _asked(request, statement, question)
    result = problem = None
    if asked.runs:
        try:
            result = await run_statement(site, asked.statement, _SHOWN_ROWS, asked.values)
        except QueryError as error:
            problem = f"{str(error)[:1].upper()}{str(error)[1:]}."
    page = site.templates.get_template("sql.html.j2").render(
        here="sql",
        asked=asked,
        statement=asked.statement if asked.statement.strip() else _FIRST_STATEMENT,
        meanings={p.name: p.meaning for p in asked.question.parameters} if asked.question else {},
        fields=_fields(asked),
        result=result,
        problem=problem,
        numbers=_NUMBERS,
        tables=TABLES,
        questions=saved_questions(),
        downloads=list(DOWNLOADS),
        most_rows=_DOWNLOADED_ROWS,
        command=asked.command(site),
    )
    return HTMLResponse(page, 422 if problem else 200)


def _fields(asked: _Asked) -> dict[str, str]:
    """Return what an address holds that asks the same."""
    name = {"question": asked.question.name} if asked.question is not None else {}
    return {"statement": asked.statement, **name, **{f"value-{n}": v for n, v in asked.values.items()}}


@router.get("/sql/result.{form}")
async def download_sql(
    request: Request, form: str, statement: Statement = "", question: Name = ""
) -> Response:
    """Give the result of a statement as a file."""
    if form not in DOWNLOADS:
        raise HTTPException(404, f"Results come as {', '.join(DOWNLOADS)}.")
    asked = _asked(request, statement, question)
    if not asked.runs:
        raise HTTPException(422, "There is nothing to run; give a statement, and a value for each $name.")
    result = await run_statement(site_of(request), asked.statement, _DOWNLOADED_ROWS, asked.values)
    headers = {"content-disposition": f'attachment; filename="result.{form}"'}
    content = await run_in_threadpool(downloaded, result, form)
    return Response(content, media_type=DOWNLOADS[form], headers=headers)
