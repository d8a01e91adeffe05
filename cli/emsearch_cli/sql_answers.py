"""What ``emsearch sql`` can be asked, as tables: statements, ready-made questions, and the schema."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from emsearch_cli.messages import Messages
from emsearch_cli.tables import Table
from emsearch_index.errors import UsageError
from emsearch_index.saved_questions import SavedQuestion, filled, saved_question, saved_questions
from emsearch_index.schema import HITS, TABLES

__all__ = ["SqlTarget", "answer", "answer_saved", "questions_table", "schema_table", "tables_table"]


@dataclass(frozen=True, slots=True)
class SqlTarget:
    """What statements are asked of: a catalogue, perhaps the hits of a batch, and what each may use."""

    catalogue: Path
    hits: Path | None
    rows: int
    seconds: float
    messages: Messages


def answer(target: SqlTarget, statement: str, parameters: Mapping[str, str]) -> Table:
    """Run one statement; whether its result was cut off is said on standard error."""
    from emsearch_index.sql import SqlLimits, run_sql

    limits = SqlLimits(rows=target.rows, wall_seconds=target.seconds, cpu_seconds=math.ceil(target.seconds))
    result = run_sql(target.catalogue, statement, limits, parameters=parameters, hits=target.hits)
    if result.truncated:
        advice = (
            "--rows raises the limit, a LIMIT in SQL lowers it"
            if len(result.rows) == limits.rows
            else f"a result may hold {limits.result_bytes >> 20} MiB; ask for fewer columns or rows"
        )
        target.messages.say(f"cut off after {len(result.rows)} rows; {advice}")
    return Table(result.columns, result.rows, result.types)


def answer_saved(target: SqlTarget, name: str, parameters: Mapping[str, str]) -> Table:
    """Run the ready-made question of that name."""
    question = saved_question(name)
    if question.needs_hits and target.hits is None:
        raise UsageError(
            f"the question {name} asks the hits of a batch; give them as --hits hits.parquet when you start"
        )
    values = filled(question, parameters)
    target.messages.say(" ".join(filter(None, (question.question, question.notes))))
    return answer(target, question.sql, values)


def questions_table() -> Table:
    """Return the ready-made questions, a row each."""
    rows = [[question.name, question.question, _needs(question)] for question in saved_questions()]
    return Table(("name", "question", "parameters"), rows)


def _needs(question: SavedQuestion) -> str:
    words = ["--hits FILE"] if question.needs_hits else []
    words += [
        f"{parameter.name}={'...' if parameter.default is None else parameter.default}"
        for parameter in question.parameters
    ]
    return " ".join(words)


def tables_table(hits: bool) -> Table:
    """Return the tables that a statement may name, a row each, the hits of a batch among them where there are some."""
    tables = (*TABLES, HITS) if hits else TABLES
    return Table(("table", "meaning"), [[table.name, table.comment] for table in tables])


def schema_table(name: str | None) -> Table:
    """Return the columns of a table, or of all, with what each holds.

    Raises
    ------
    UsageError
        There is no such table.
    """
    tables = [table for table in (*TABLES, HITS) if name is None or table.name == name.strip().lower()]
    if not tables:
        known = ", ".join(table.name for table in (*TABLES, HITS))
        raise UsageError(f"there is no table {name!r}; there are {known}")
    rows: Sequence[Sequence[str]] = [
        [table.name, column.name, column.type, column.comment] for table in tables for column in table.columns
    ]
    return Table(("table", "column", "type", "meaning"), rows)
