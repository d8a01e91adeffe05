"""What may come next at the prompt: commands, names of questions, tables, columns and words of SQL."""

import re
from collections.abc import Iterable, Iterator

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from emsearch_cli.options import Format
from emsearch_cli.sql_prompt.commands import COMMANDS
from emsearch_cli.sql_prompt.statement_end import without_text
from emsearch_index.saved_questions import saved_questions
from emsearch_index.schema import HITS, TABLES, Table

__all__ = ["SqlCompleter"]

_WORDS = (
    "SELECT DISTINCT FROM JOIN LEFT ON USING WHERE AND OR NOT IN LIKE ILIKE BETWEEN IS NULL GROUP BY ALL HAVING ORDER "
    "ASC DESC LIMIT WITH AS UNION CASE WHEN THEN ELSE END CAST OVER PARTITION EXPLAIN DESCRIBE SUMMARIZE count( sum( avg( "
    "min( max( median( round( list( arg_max( arg_min( any_value( coalesce("
)
_RESERVED = frozenset({"group", "row"})  # columns of a batch whose names SQL needs quotes for
_LAST_WORD = re.compile(r"(?:(?P<of>\w+)\.)?(?P<word>\w*)$")
_AFTER_FROM = re.compile(r"\b(?:FROM|JOIN|DESCRIBE|SUMMARIZE)\s+\w*$", re.I)

_CURSOR = "\1"

_Choice = tuple[str, str]  # what may be typed, and what it is


class SqlCompleter(Completer):
    """Completes what stands before the cursor; the hits of a batch count as a table where ``hits`` says so."""

    def __init__(self, hits: bool) -> None:
        self._tables = {table.name: table for table in ((*TABLES, HITS) if hits else TABLES)}

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        """Yield what fits, with its meaning beside it; nothing for an empty word unless it is asked for."""
        before = document.text_before_cursor
        if before.lstrip().startswith("."):
            word = before.rpartition(" ")[2].lstrip()
            choices = self._of_command(before.split(), before.endswith(" "))
        else:
            word, choices = self._of_statement(before, document.text, complete_event.completion_requested)
        for text, meaning in choices:
            if text.strip('"').lower().startswith(word.lower()):
                yield Completion(text, start_position=-len(word), display_meta=meaning)

    def _of_command(self, words: list[str], next_word: bool) -> Iterator[_Choice]:
        if len(words) == 1 and not next_word:
            yield from ((usage.split()[0], meaning) for usage, meaning in COMMANDS.items())
        elif words[0] == ".schema":
            yield from ((table.name, table.comment) for table in self._tables.values())
        elif words[0] == ".format":
            yield from ((form, "") for form in Format if form is not Format.PARQUET)
        elif words[0] == ".run" and len(words) + next_word <= 2:
            yield from ((question.name, question.question) for question in saved_questions())
        elif words[0] == ".run":
            of = [question for question in saved_questions() if question.name == words[1]]
            yield from ((f"{p.name}=", p.meaning) for question in of for p in question.parameters)

    def _of_statement(self, before: str, text: str, asked: bool) -> tuple[str, Iterator[_Choice]]:
        # a cursor inside a string or comment is no place for names
        if not without_text(before + _CURSOR).endswith(_CURSOR):
            return "", iter(())
        match = _LAST_WORD.search(before)
        assert match is not None  # the word may be empty
        word = match["word"]
        if match["of"]:
            table = self._named(text).get(match["of"].lower())
            return word, _columns([table] if table else [])
        if not (word or asked):
            return "", iter(())
        return word, self._anything(text, _AFTER_FROM.search(before) is not None)

    def _anything(self, text: str, table_wanted: bool) -> Iterator[_Choice]:
        yield from ((table.name, table.comment) for table in self._tables.values())
        if table_wanted:
            return
        named = {table.name: table for table in self._named(text).values()}
        yield from _columns((named or self._tables).values())
        yield from ((word, "") for word in _WORDS.split())

    def _named(self, text: str) -> dict[str, Table]:
        """Return the tables that the statement asks, by the names that it calls them."""
        found = {}
        for match in re.finditer(r"(?:\bFROM|\bJOIN|,)\s+(\w+)(?:\s+(?:AS\s+)?(\w+))?", text, re.I):
            table = self._tables.get(match[1].lower())
            if table is not None:
                found[match[1].lower()] = table
                if match[2]:
                    found[match[2].lower()] = table
        return found


def _columns(tables: Iterable[Table]) -> Iterator[_Choice]:
    seen: set[str] = set()
    for table in tables:
        for column in table.columns:
            if column.name not in seen:
                seen.add(column.name)
                yield (f'"{column.name}"' if column.name in _RESERVED else column.name), column.comment
