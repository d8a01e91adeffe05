"""The prompt of `emsearch sql`, typed at as a person types: keys in, answers out."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from emsearch_cli import sql_answers
from emsearch_cli.messages import Messages
from emsearch_cli.options import Format
from emsearch_cli.sql_answers import SqlTarget
from emsearch_cli.sql_prompt.completion import SqlCompleter
from emsearch_cli.sql_prompt.loop import converse
from emsearch_cli.sql_prompt.statement_end import is_whole
from emsearch_cli.tables import Table
from emsearch_index.errors import QueryError

ENTER, TAB, CTRL_C, CTRL_D, UP = "\r", "\t", "\x03", "\x04", "\x1b[A"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the list of statements that are asked, each of which is answered with its own number."""
    statements: list[str] = []

    def answer(target: SqlTarget, statement: str, parameters: object) -> Table:
        statements.append(statement)
        if statement == "broken;":
            raise QueryError("the statement failed: it is broken")
        if statement == "endless;":
            raise KeyboardInterrupt
        return Table(("n",), [[len(statements)]])

    monkeypatch.setattr(sql_answers, "answer", answer)
    monkeypatch.setattr("emsearch_cli.sql_prompt.commands.answer", answer)
    return statements


@pytest.fixture
def converse_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., tuple[str, str]]]:
    monkeypatch.setattr(
        "emsearch_cli.sql_prompt.loop.user_state_path", lambda name: tmp_path / "state" / name
    )

    def run(keys: str, form: Format = Format.TSV, hits: Path | None = None) -> tuple[str, str]:
        with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):
            pipe.send_text(keys)
            converse(SqlTarget(tmp_path, hits, 100, 5.0, Messages()), form)
        captured = capsys.readouterr()
        return captured.out, captured.err

    yield run


def test_a_statement_goes_over_lines_until_its_semicolon(
    converse_with: Callable[..., tuple[str, str]], asked: list[str]
) -> None:
    out, err = converse_with(f"SELECT ';'{ENTER}FROM groups;{ENTER}{CTRL_D}")
    assert asked == ["SELECT ';'\nFROM groups;"]
    assert out == "n\n1\n"
    assert "1 row, " in err


def test_tab_completes_a_table_and_a_column(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: list[str]
) -> None:
    monkeypatch.setattr("emsearch_cli.sql_prompt.loop.user_state_path", lambda name: tmp_path / name)
    with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()) as session:

        def wait_for(text: str, menu: bool) -> None:
            until = time.monotonic() + 20
            while time.monotonic() < until:
                buffer = session.app.current_buffer if session.app is not None else None
                if buffer is not None and buffer.text == text and (buffer.complete_state or not menu):
                    return
                time.sleep(0.01)

        def type_and_see() -> None:
            # what fits is sought beside the typing, and dropped by the next key: so look, as a person does
            typed = ""
            for keys, rest in (("SELECT count(*) FROM size_c", "lasses"), (" WHERE box", "_px")):
                pipe.send_text(keys)
                wait_for(typed + keys, menu=True)
                pipe.send_text(TAB)
                typed += keys + rest
                wait_for(typed, menu=False)
            pipe.send_text(f" > 64;{ENTER}{CTRL_D}")

        typing = threading.Thread(target=type_and_see)
        typing.start()
        converse(SqlTarget(tmp_path, None, 100, 5.0, Messages()), Format.TSV)
        typing.join()
    assert asked == ["SELECT count(*) FROM size_classes WHERE box_px > 64;"]


def test_ctrl_c_drops_the_line_and_ctrl_d_leaves(
    converse_with: Callable[..., tuple[str, str]], asked: list[str]
) -> None:
    converse_with(f"SELECT 1;{CTRL_C}SELECT 2;{ENTER}{ENTER}{CTRL_D}SELECT 3;{ENTER}")
    assert asked == ["SELECT 2;"]


def test_what_fails_or_is_interrupted_leaves_the_prompt_standing(
    converse_with: Callable[..., tuple[str, str]], asked: list[str]
) -> None:
    out, err = converse_with(f"broken;{ENTER}endless;{ENTER}SELECT 3;{ENTER}.quit{ENTER}")
    assert out == "n\n3\n"
    assert "emsearch: the statement failed: it is broken\n" in err and "emsearch: interrupted\n" in err


def test_what_was_typed_comes_back_in_the_next_run(
    converse_with: Callable[..., tuple[str, str]], asked: list[str], tmp_path: Path
) -> None:
    converse_with(f"SELECT 1{ENTER};{ENTER}{CTRL_D}")
    converse_with(f"{UP}{ENTER}{CTRL_D}")
    assert asked == ["SELECT 1\n;", "SELECT 1\n;"]
    assert (tmp_path / "state" / "emsearch" / "sql-history").stat().st_mode & 0o077 == 0


def test_commands_answer_without_asking_the_catalogue(
    converse_with: Callable[..., tuple[str, str]], asked: list[str]
) -> None:
    keys = f".tables{ENTER}.schema groups{ENTER}.saved{ENTER}.help{ENTER}.format json{ENTER}.tables{ENTER}.quit{ENTER}"
    out, _ = converse_with(keys)
    for part in (
        "structures\tOne row per entry",
        "groups\tmembers\tINTEGER",
        "rods\tWhich",
        ".run NAME",
        '"table"',
    ):
        assert part in out
    assert "hits\t" not in out
    assert asked == []


def test_a_saved_question_is_run_with_its_parameters(
    converse_with: Callable[..., tuple[str, str]], asked: list[str]
) -> None:
    out, err = converse_with(
        f".run of-mass mass_kda=464{ENTER}.run of-mass{ENTER}.run batch-groups{ENTER}{CTRL_D}"
    )
    assert len(asked) == 1 and asked[0].startswith("SELECT g.id")
    assert out == "n\n1\n"
    assert "needs a value for mass_kda" in err and "give them as --hits" in err


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (".nothing", "is no command"),
        (".schema nowhere", "there are structures, groups"),
        (".format parquet", "parquet is binary"),
        (".format x", "one of table, tsv"),
        (".run 'x", "quotation mark"),
        (".run rods anisotropy", "NAME=VALUE"),
    ],
)
def test_a_wrong_command_says_what_is_right(
    converse_with: Callable[..., tuple[str, str]], asked: list[str], command: str, expected: str
) -> None:
    _, err = converse_with(f"{command}{ENTER}{CTRL_D}")
    assert expected in err


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("", True),
        (".tables", True),
        ("SELECT 1", False),
        ("SELECT 1;  ", True),
        ("SELECT ';", False),
        ("SELECT 'it''s;'", False),
        ("SELECT 1 -- ;", False),
        ("SELECT 1; -- done", True),
        ("SELECT 1 /* ;", False),
        ("SELECT $$;$$", False),
        ("SELECT $a;", True),
        ('SELECT "a;', False),
    ],
)
def test_semicolons_in_text_end_nothing(text: str, whole: bool) -> None:
    assert is_whole(text) is whole


def completions(text: str, hits: bool = False, asked: bool = False) -> list[str]:
    found = SqlCompleter(hits).get_completions(
        Document(text, len(text)), CompleteEvent(completion_requested=asked)
    )
    return [completion.text for completion in found]


def test_tables_follow_from_and_columns_are_those_of_the_tables_named() -> None:
    assert completions("SELECT id FROM siz") == ["size_classes"]
    assert completions("SELECT s.rg FROM structures s WHERE s.rg") == ["rg_angstrom"]
    assert "members" in completions("SELECT * FROM groups WHERE mem")
    assert "mass_da" not in completions("SELECT * FROM groups WHERE mas")
    assert completions("SELECT cou") == ["count("]


def test_hits_are_completed_only_where_there_are_some() -> None:
    assert completions("FROM hit") == []
    assert completions("FROM hit", hits=True) == ["hits"]
    assert completions("FROM hits h WHERE h.gro", hits=True) == ['"group"']


def test_nothing_is_completed_in_text_or_before_the_first_letter() -> None:
    assert completions("SELECT 'str") == completions("SELECT 1 -- str") == completions("SELECT ") == []
    assert "structures" in completions("FROM ", asked=True)


def test_commands_and_their_words_are_completed() -> None:
    assert completions(".s") == [".schema", ".saved"]
    assert completions(".schema gro") == ["groups", "group_members"]
    assert completions(".run of") == ["of-mass"]
    assert completions(".run of-mass ") == ["mass_kda=", "percent="]
    assert completions(".format js") == ["json", "jsonl"]
