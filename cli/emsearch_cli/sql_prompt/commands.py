"""What is typed at the prompt, answered: a statement, or a command that begins with a dot."""

import shlex
import time

from emsearch_cli.options import Format
from emsearch_cli.sql_answers import (
    SqlTarget,
    answer,
    answer_saved,
    questions_table,
    schema_table,
    tables_table,
)
from emsearch_cli.tables import Table, write_table
from emsearch_index.errors import UsageError
from emsearch_index.saved_questions import given_parameters

__all__ = ["COMMANDS", "Conversation"]

COMMANDS = {
    ".help": "this list",
    ".tables": "the tables, and what each holds",
    ".schema [TABLE]": "the columns of a table, or of all, and what each holds",
    ".saved": "questions that are ready to be asked",
    ".run NAME [PARAMETER=VALUE ...]": "ask one of them",
    ".format [NAME]": f"how answers are written: {', '.join(f for f in Format if f is not Format.PARQUET)}",
    ".quit": "leave; so does Ctrl-D",
}
"""The commands, as they are typed, and what each does."""


class Conversation:
    """Statements and commands one after another: what they are asked of, and how answers are written."""

    def __init__(self, target: SqlTarget, form: Format) -> None:
        self.target = target
        self.form = _shown(form)
        self.ended = False

    def take(self, text: str) -> None:
        """Answer one input on standard output; ``ended`` says afterwards whether it was ``.quit``.

        Raises
        ------
        EmsearchError
            What was asked cannot be answered; the next input can.
        """
        text = text.strip()
        if text.startswith("."):
            self._command(text)
        elif text:
            started = time.monotonic()
            self._write(answer(self.target, text, {}), started)

    def _command(self, text: str) -> None:
        try:
            name, *words = shlex.split(text.rstrip("; "))
        except ValueError as error:
            raise UsageError(f"{text} has a quotation mark without its pair; close it") from error
        match name.lower(), words:
            case ".help", []:
                rows = [
                    *COMMANDS.items(),
                    ("SELECT ...;", "one SELECT or EXPLAIN, over as many lines as it takes"),
                ]
                write_table(Table(("command", "what it does"), rows), Format.TABLE)
            case ".tables", []:
                self._write(tables_table(self.target.hits is not None))
            case ".schema", [] | [_]:
                self._write(schema_table(words[0] if words else None))
            case ".saved", []:
                self._write(questions_table())
            case ".run", [question, *given]:
                started = time.monotonic()
                self._write(answer_saved(self.target, question, given_parameters(given)), started)
            case ".format", []:
                self.target.messages.say(f"answers are written as {self.form}")
            case ".format", [wanted]:
                self.form = _named(wanted)
            case ((".quit" | ".exit"), []):
                self.ended = True
            case _:
                raise UsageError(f"{text} is no command; they are {', '.join(COMMANDS)}")

    def _write(self, table: Table, started: float | None = None) -> None:
        write_table(table, self.form)
        if started is not None:
            rows = "1 row" if len(table.rows) == 1 else f"{len(table.rows)} rows"
            self.target.messages.say(f"{rows}, {time.monotonic() - started:.1f} s")


def _named(name: str) -> Format:
    found = next((form for form in Format if form == name.lower()), None)
    if found is None:
        known = ", ".join(form for form in Format if form is not Format.PARQUET)
        raise UsageError(f".format {name} is not known; it is one of {known}")
    return _shown(found)


def _shown(form: Format) -> Format:
    if form is Format.PARQUET:
        raise UsageError(
            "the prompt writes to a terminal and parquet is binary; give a statement and --out FILE"
        )
    return form
