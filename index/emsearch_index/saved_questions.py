"""Ready-made questions to the catalogue: each a file of ``questions/``, named after its file.

The comment that a file begins with tells, a line each and in this order: the question; what a reader should
know of it; ``needs: hits`` where it asks the hits of a batch; and its parameters, ``$name = default: meaning``,
without the default where there is none.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from emsearch_index.errors import UsageError

__all__ = ["Parameter", "SavedQuestion", "filled", "given_parameters", "saved_question", "saved_questions"]

_PARAMETER = re.compile(r"\$(?P<name>\w+)(?: = (?P<default>[^:]+))?: (?P<meaning>.+)")
_NEEDS_HITS = "needs: hits"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A value that a question leaves open; one without a default has to be given."""

    name: str
    default: str | None
    meaning: str


@dataclass(frozen=True, slots=True)
class SavedQuestion:
    """A statement with a name; ``question`` is what it answers, ``notes`` what a reader should know of it."""

    name: str
    question: str
    notes: str
    parameters: tuple[Parameter, ...]
    needs_hits: bool
    sql: str


@cache
def saved_questions() -> tuple[SavedQuestion, ...]:
    """Return every question, by name."""
    folder = resources.files("emsearch_index") / "questions"
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda f: f.name)
    return tuple(_read(file.name.removesuffix(".sql"), file.read_text(encoding="utf-8")) for file in files)


def saved_question(name: str) -> SavedQuestion:
    """Return the question of that name.

    Raises
    ------
    UsageError
        There is none.
    """
    for question in saved_questions():
        if question.name == name:
            return question
    known = ", ".join(question.name for question in saved_questions())
    raise UsageError(f"there is no saved question {name!r}; there are {known}")


def given_parameters(texts: Iterable[str]) -> dict[str, str]:
    """Return values by name from texts ``name=value``.

    >>> given_parameters(["threshold=0.85"])
    {'threshold': '0.85'}

    Raises
    ------
    UsageError
        A text that is not of that form, or a name given twice.
    """
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        name = name.strip().removeprefix("$")
        if not (equals and name.isidentifier()):
            raise UsageError(f"the parameter {text!r} is not of the form NAME=VALUE, as in threshold=0.85")
        if name in found:
            raise UsageError(f"the parameter {name} is given twice; give it once")
        found[name] = value.strip()
    return found


def filled(question: SavedQuestion, given: Mapping[str, str]) -> dict[str, str]:
    """Return a value for each parameter of a question: what is given, else its default.

    Raises
    ------
    UsageError
        A parameter that the question does not have, or one without a default that is not given.
    """
    known = {parameter.name: parameter for parameter in question.parameters}
    for name in given:
        if name not in known:
            has = ", ".join(known) or "none"
            raise UsageError(f"the question {question.name} has no parameter {name!r}; it has {has}")
    values = {}
    for name, parameter in known.items():
        value = given.get(name, parameter.default)
        if value is None:
            raise UsageError(
                f"the question {question.name} needs a value for {name} ({parameter.meaning}); give {name}=VALUE"
            )
        values[name] = value
    return values


def _read(name: str, text: str) -> SavedQuestion:
    lines = text.splitlines()
    start = next(k for k, line in enumerate(lines) if not line.startswith("--"))
    question, *rest = (line.removeprefix("--").strip() for line in lines[:start])
    matches = [_PARAMETER.fullmatch(line) for line in rest]
    parameters = tuple(Parameter(m["name"], m["default"], m["meaning"]) for m in matches if m)
    notes = [line for line, match in zip(rest, matches, strict=True) if not match and line != _NEEDS_HITS]
    sql = "\n".join(lines[start:]).strip()
    return SavedQuestion(name, question, " ".join(notes), parameters, _NEEDS_HITS in rest, sql)
