import csv
import io
import json
import re
from datetime import date

import numpy as np
import pyarrow.parquet as pq
import pytest

from emsearch_cli.options import Format
from emsearch_cli.plain_values import plain
from emsearch_cli.tables import Table, write_table
from emsearch_index.errors import UsageError

TABLE = Table(
    ("id", "mass_kda", "copies", "released", "members", "ok"),
    [
        ["1aon", 870.0, 21, date(1997, 7, 12), ["a", "b"], True],
        ["x\ty,z", float("nan"), None, None, [], False],
    ],
)


def test_json_and_jsonl_hold_plain_values(capsys: pytest.CaptureFixture[str]) -> None:
    write_table(TABLE, Format.JSON)
    records = json.loads(capsys.readouterr().out)
    assert records[0] == {
        "id": "1aon",
        "mass_kda": 870.0,
        "copies": 21,
        "released": "1997-07-12",
        "members": ["a", "b"],
        "ok": True,
    }
    assert records[1]["mass_kda"] is None
    write_table(TABLE, Format.JSONL)
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == records


@pytest.mark.parametrize(("form", "delimiter"), [(Format.TSV, "\t"), (Format.CSV, ",")])
def test_delimited_text_survives_its_own_delimiter(
    form: Format, delimiter: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write_table(TABLE, form)
    rows = list(csv.reader(io.StringIO(capsys.readouterr().out), delimiter=delimiter))
    assert rows[0] == list(TABLE.columns)
    assert rows[1] == ["1aon", "870.0", "21", "1997-07-12", "a b", "true"]
    assert rows[2] == ["x\ty,z", "", "", "", "", "false"]


def test_parquet_keeps_types(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    write_table(TABLE, Format.PARQUET)
    table = pq.read_table(io.BytesIO(capsysbinary.readouterr().out))
    assert table.column_names == list(TABLE.columns)
    assert table.to_pylist()[0]["released"] == date(1997, 7, 12)
    assert table.to_pylist()[1]["mass_kda"] is None


def test_parquet_without_rows_has_its_columns(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    write_table(Table(("a", "b"), []), Format.PARQUET)
    assert pq.read_table(io.BytesIO(capsysbinary.readouterr().out)).column_names == ["a", "b"]


def test_parquet_is_not_written_to_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    with pytest.raises(UsageError, match="send it to a file"):
        write_table(TABLE, Format.PARQUET)
    assert capsys.readouterr().out == ""


def test_table_for_people_cuts_nothing_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    write_table(Table(("title",), [["beta " * 30 + "end"], ["[bold]not markup[/bold]"]]), Format.TABLE)
    out = capsys.readouterr().out
    assert "end" in out
    assert "[bold]not markup[/bold]" in out


def test_table_for_people_shows_what_a_terminal_would_obey(capsys: pytest.CaptureFixture[str]) -> None:
    write_table(Table(("title",), [["\x1b[2Jgone\x07"]]), Format.TABLE)
    assert "\\x1b[2Jgone\\x07" in capsys.readouterr().out


def test_parquet_takes_the_types_it_is_told(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    types = ("DATE", "DOUBLE", "DECIMAL(4,1)", "HUGEINT", "BOOLEAN", "INTEGER[]")
    rows: list[list[object]] = [["1997-07-12", "inf", 1, 2**70, None, [1]], [None, 0.5, None, 1, None, None]]
    write_table(Table(tuple("abcdef"), rows, types), Format.PARQUET)
    table = pq.read_table(io.BytesIO(capsysbinary.readouterr().out))
    assert [str(kind) for kind in table.schema.types[:5]] == [
        "date32[day]",
        "double",
        "double",
        "double",
        "bool",
    ]
    assert table.column("a").to_pylist() == [date(1997, 7, 12), None]


def test_plain_takes_what_the_library_hands_over() -> None:
    assert plain({"q": (np.float32(0.5), np.arange(2)), 3: {"only"}}) == {"q": [0.5, [0, 1]], "3": ["only"]}


def in_a_terminal(table: Table, width: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the lines that a terminal of that width shows."""
    out = io.StringIO()
    monkeypatch.setattr(out, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setattr("sys.stdout", out)
    write_table(table, Format.TABLE)
    return re.sub(r"\x1b\[[0-9;]*m", "", out.getvalue()).splitlines()


def test_numbers_and_ids_stay_whole_in_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    names = (
        "id",
        "name",
        "size_class",
        "members",
        "representative",
        "mass_kda",
        "dmax_angstrom",
        "ambiguous",
    )
    row = [
        "G0095",
        "PBCV-1 virus capsid, quasi-atomic model " * 2,
        "d800-2000",
        1,
        "4v4r_30S_map",
        230235.4,
        1859.9,
    ]
    lines = in_a_terminal(Table(names, [[*row, False]]), 80, monkeypatch)
    assert max(map(len, lines)) <= 80
    (first,) = [line for line in lines if line.startswith("G0095")]
    assert first.split()[-6:] == ["d800-2000", "1", "4v4r_30S_map", "230235", "1859.9", "no"]
    assert (
        " ".join(" ".join(lines).split()).count("capsid,") == 2
    )  # the name wraps, and nothing of it is lost


@pytest.mark.parametrize("width", [80, 200])
def test_columns_without_room_become_lines(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    columns = tuple(f"column_{k}" for k in range(32))
    rows = [[f"value {k} of row {row} is {'long ' * 20}" for k in range(32)] for row in (1, 2)]
    lines = in_a_terminal(Table(columns, rows), width, monkeypatch)
    assert max(map(len, lines)) <= width
    assert [line.split(" ─")[0] for line in lines if line.startswith("row ")] == ["row 1 of 2", "row 2 of 2"]
    assert all(any(line.startswith(f"column_{k} ") for line in lines) for k in range(32))
    assert " ".join(lines).count("long") == 2 * 32 * 20


def test_columns_without_room_and_without_rows_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = in_a_terminal(Table(tuple(f"column_{k}" for k in range(32)), []), 80, monkeypatch)
    assert "column_31" in " ".join(lines)


def test_large_numbers_are_not_broken_into_two(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = in_a_terminal(Table(("inertia", "dmax_angstrom"), [[1097937001.8, 1859.93]]), 80, monkeypatch)
    assert lines[-2].split() == ["1097937002", "1859.9"]
