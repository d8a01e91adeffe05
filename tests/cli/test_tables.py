import csv
import io
import json
from datetime import date

import numpy as np
import pyarrow.parquet as pq
import pytest

from emsearch_cli.options import Format
from emsearch_cli.tables import Table, plain, write_table
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
