"""Run the command line in this process, over a library that is replaced where a test says so."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pytest

from emsearch.search.hits import Answer, Hit, View
from emsearch_cli.app import app


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run of the program left: exit code, standard output, standard error."""

    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the environment of whoever runs the tests out of them."""
    for name in ("EMSEARCH_INDEX", "EMSEARCH_DEVICE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Return a function that runs ``emsearch`` with the given arguments."""

    def run_program(*arguments: str) -> Outcome:
        with pytest.raises(SystemExit) as end:
            app(list(arguments), prog_name="emsearch")
        captured = capsys.readouterr()
        code = end.value.code
        return Outcome(code if isinstance(code, int) else 0, captured.out, captured.err)

    return run_program


@pytest.fixture
def replace_module(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that puts a module of the given members in the place of a library module."""

    def replace(name: str, **members: Any) -> None:
        module = ModuleType(name)
        vars(module).update(members)
        monkeypatch.setitem(sys.modules, name, module)

    return replace


@pytest.fixture
def answer() -> Answer:
    """Return an answer of two hits, the second without a view."""
    view = View("6cvm", (1.0, 0.0, 0.0, 0.0), 12.0, (0.4, -1.2), False, 0.75, 0.88123)
    first = Hit(
        1,
        "G0042",
        "6cvm",
        "beta-galactosidase " * 4,
        ("6cvm", "1f4a"),
        0.71239,
        0.83,
        464.7,
        178.0,
        "D",
        view,
    )
    second = Hit(2, "G0007", "1aon", "GroEL-GroES", ("1aon",), 0.10001, 0.5, 870.04, 184.2, "D", None)
    return Answer(
        "p.png",
        1,
        4.2,
        "option",
        "bright",
        "/index",
        "gen-1",
        0.93456,
        0.99,
        (first, second),
        ("G0042", "G0007"),
        ("the particle was moved",),
    )
