"""`groups`, `show`, `info`, `sql` and `verify` on a small index that is published for the test."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from emsearch_index.catalogue import Catalogue
from emsearch_index.publication import publish

STRUCTURES = [
    {"id": "1aon", "title": "GroEL-GroES", "mass_da": 870_000.0, "dmax_angstrom": 184.0, "group_id": "G1"},
    {"id": "1mnf", "title": "GroEL", "mass_da": 800_000.0, "dmax_angstrom": 150.0, "group_id": "G2"},
    {"id": "1xck", "title": "GroEL apo", "mass_da": 801_000.0, "dmax_angstrom": 151.0, "group_id": "G2"},
]
GROUPS = [
    {"id": "G1", "name": "GroEL-GroES", "size_class": "large", "representative_id": "1aon", "members": 1},
    {"id": "G2", "name": "GroEL", "size_class": "small", "representative_id": "1mnf", "members": 2},
]
MEMBERS = [
    {"group_id": "G1", "structure_id": "1aon", "similarity": 1.0, "mirror": False},
    {"group_id": "G2", "structure_id": "1mnf", "similarity": 1.0, "mirror": False},
    {"group_id": "G2", "structure_id": "1xck", "similarity": 0.97, "mirror": True},
]
SIMILARITIES = [
    {"structure_a": "1aon", "structure_b": "1mnf", "score": 0.80},
    {"structure_a": "1aon", "structure_b": "1xck", "score": 0.82},
    {"structure_a": "1mnf", "structure_b": "1xck", "score": 0.97},
]
SIZE_CLASSES = [
    {
        "name": name,
        "dmax_min_angstrom": least,
        "dmax_max_angstrom": most,
        "pixel_size_angstrom": 4.0,
        "box_px": 64,
    }
    for name, least, most in (("small", 0.0, 160.0), ("large", 160.0, 400.0))
]

FIGURES = [{"snr": 2.0, "top1": 0.5}, {"snr": 0.1, "top1": 0.1}]


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    source = tmp_path / "source.duckdb"
    with Catalogue.create(source) as catalogue:
        catalogue.upsert("structures", STRUCTURES)
        catalogue.upsert("groups", GROUPS)
        catalogue.upsert("group_members", MEMBERS)
        catalogue.upsert("similarities", SIMILARITIES)
        catalogue.upsert("size_classes", SIZE_CLASSES)
        catalogue.upsert("chains", [{"structure_id": "1aon", "entity": "1", "type": "protein", "copies": 14}])
        catalogue.upsert("left_out", [{"source": "bad.cif", "reason": "it has no atoms"}])
    folder = tmp_path / "index"
    publish(
        folder,
        {"catalogue.duckdb": source},
        configuration={"seed": 1, "evaluation": FIGURES},
        versions={"duckdb": "9"},
    )
    monkeypatch.setenv("EMSEARCH_INDEX", str(folder))
    return folder


def test_groups_are_sorted_and_filtered(index: Path, run: Callable[..., Any]) -> None:
    rows = json.loads(run("groups", "--sort", "-mass_kda", "--format", "json").out)
    assert [row["id"] for row in rows] == ["G1", "G2"]
    assert rows[0]["mass_kda"] == 870.0
    rows = json.loads(run("groups", "--size-class", "small", "--format", "json").out)
    assert [(row["id"], row["members"], row["representative"]) for row in rows] == [("G2", 2, "1mnf")]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [(("--sort", "colour"), "mass_kda"), (("--size-class", "huge"), "small, large")],
)
def test_groups_name_what_can_be_chosen(
    arguments: tuple[str, str], expected: str, index: Path, run: Callable[..., Any]
) -> None:
    outcome = run("groups", *arguments)
    assert outcome.code == 2
    assert expected in outcome.err


def test_show_group_lists_members_and_the_best_pair_to_each_other_group(
    index: Path, run: Callable[..., Any]
) -> None:
    group = json.loads(run("show", "g2", "--format", "json").out)
    assert (group["kind"], group["id"], group["member_count"]) == ("group", "G2", 2)
    assert [(row["structure"], row["similarity"], row["mirror"]) for row in group["members"]] == [
        ("1mnf", 1.0, False),
        ("1xck", 0.97, True),
    ]
    (nearest,) = group["nearest_groups"]
    assert (nearest["group"], nearest["structure"], nearest["other_structure"]) == ("G1", "1xck", "1aon")
    assert nearest["score"] == pytest.approx(0.82)


def test_show_structure_has_chains_and_neighbours(index: Path, run: Callable[..., Any]) -> None:
    structure = json.loads(run("show", "1AON", "--format", "json").out)
    assert (structure["kind"], structure["title"]) == ("structure", "GroEL-GroES")
    assert structure["chain_kinds"][0]["copies"] == 14
    assert [row["structure"] for row in structure["nearest_structures"]] == ["1xck", "1mnf"]
    assert structure["similarity_to_representative"] == 1.0


def test_show_for_people_has_the_sections(index: Path, run: Callable[..., Any]) -> None:
    out = run("show", "G2").out
    assert "members" in out and "nearest groups" in out and "1xck" in out


def test_show_unknown_says_where_to_look(index: Path, run: Callable[..., Any]) -> None:
    outcome = run("show", "9zzz")
    assert outcome.code == 2
    assert "'9zzz'" in outcome.err and "emsearch groups" in outcome.err


def test_info_counts_and_says_what_was_left_out(index: Path, run: Callable[..., Any]) -> None:
    found = json.loads(run("info", "--format", "json").out)
    assert (found["path"], found["structures"], found["groups"]) == (str(index), 3, 2)
    assert found["compared_pairs"] == 3
    assert found["left_out"] == [{"source": "bad.cif", "reason": "it has no atoms"}]
    assert found["configuration"] == [{"name": "seed", "value": 1}]
    assert found["evaluation"] == FIGURES
    assert found["versions"] == [{"name": "duckdb", "value": "9"}]
    assert [(row["name"], row["groups"], row["structures"]) for row in found["size_classes"]] == [
        ("small", 1, 2),
        ("large", 1, 1),
    ]


def test_info_as_rows_keeps_what_is_nested_as_json(index: Path, run: Callable[..., Any]) -> None:
    rows = dict(csv.reader(io.StringIO(run("info", "--format", "csv").out)))
    assert rows["structures"] == "3"
    assert json.loads(rows["left_out"])[0]["source"] == "bad.cif"


def test_sql_from_argument_and_file(index: Path, run: Callable[..., Any], tmp_path: Path) -> None:
    statement = "SELECT id, mass_da FROM structures ORDER BY id LIMIT 2"
    outcome = run("sql", statement, "--format", "tsv")
    assert outcome.out == "id\tmass_da\n1aon\t870000.0\n1mnf\t800000.0\n"
    file = tmp_path / "statement.sql"
    file.write_text(statement, encoding="utf-8")
    assert run("sql", "--file", str(file), "--format", "tsv").out == outcome.out


def test_sql_says_when_it_stopped_early(index: Path, run: Callable[..., Any]) -> None:
    outcome = run("sql", "SELECT id FROM structures", "--rows", "1", "--format", "tsv")
    assert len(outcome.out.splitlines()) == 2
    assert "cut off after 1 rows" in outcome.err


def test_sql_refuses_what_it_cannot_use(index: Path, run: Callable[..., Any], tmp_path: Path) -> None:
    assert run("sql", "SELECT nothing FROM nowhere").code == 3
    assert run("sql", "DROP TABLE structures").code == 3
    assert run("sql").code == 2
    assert run("sql", "SELECT 1", "--file", "x").code == 2
    assert run("sql", "--file", str(tmp_path)).code == 3
    binary = tmp_path / "binary.sql"
    binary.write_bytes(b"\xff\xfe\x00")
    assert run("sql", "--file", str(binary)).code == 3


def test_sql_schema_needs_no_index(run: Callable[..., Any]) -> None:
    rows = json.loads(run("sql", "--schema", "--index", "nowhere", "--format", "json").out)
    assert {"table": "groups", "column": "id", "type": "VARCHAR", "meaning": "Name of the group"} in rows


def test_sql_schema_of_one_table(run: Callable[..., Any]) -> None:
    rows = list(csv.DictReader(io.StringIO(run("sql", "--schema", "groups", "--format", "csv").out)))
    assert {row["table"] for row in rows} == {"groups"} and rows[0]["meaning"] == "Name of the group"
    assert "group_members" in run("sql", "--schema", "nowhere").err


def test_sql_lists_and_runs_saved_questions(index: Path, run: Callable[..., Any]) -> None:
    listed = json.loads(run("sql", "--saved", "--format", "json").out)
    assert {
        "name": "largest-groups",
        "question": "Which shape groups hold the most structures?",
        "parameters": "least=2",
    } in listed
    outcome = run("sql", "--saved", "largest-groups", "-p", "least=1", "--format", "json")
    assert [row["id"] for row in json.loads(outcome.out)] == ["G2", "G1"]
    assert outcome.err.startswith("Which shape groups hold the most structures?")


def test_sql_binds_parameters(index: Path, run: Callable[..., Any]) -> None:
    statement = "SELECT id FROM structures WHERE mass_da > $mass AND group_id = $group ORDER BY id"
    arguments = ("--parameter", "mass=800500", "--parameter", "group=G2", "--format", "jsonl")
    assert run("sql", statement, *arguments).out == '{"id": "1xck"}\n'


def test_sql_writes_files_whose_suffix_says_the_format(
    index: Path, run: Callable[..., Any], tmp_path: Path
) -> None:
    statement = "SELECT id, NULL::DATE AS released, 'nan'::DOUBLE AS nothing FROM structures ORDER BY id"
    parquet = tmp_path / "result.parquet"
    assert run("sql", statement, "-o", str(parquet)).out == ""
    table = pq.read_table(parquet)
    assert [str(kind) for kind in table.schema.types] == ["string", "date32[day]", "double"]
    assert table.column("id").to_pylist() == ["1aon", "1mnf", "1xck"]
    run("sql", "SELECT 1 AS one", "-o", str(tmp_path / "result.csv"))
    assert (tmp_path / "result.csv").read_text(encoding="utf-8") == "one\n1\n"
    assert not list(tmp_path.glob(".*.part"))


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        ((), 2, "no terminal for a prompt"),
        (("--schema", "--saved"), 2, "one of the two"),
        (("--saved", "--file", "x.sql"), 2, "give one of them"),
        (("--saved", "nothing"), 2, "largest-groups"),
        (("--saved", "neighbours"), 2, "needs a value for structure"),
        (("--saved", "rods", "-p", "anisotropy"), 2, "NAME=VALUE"),
        (("--saved", "batch-groups"), 2, "give them as --hits"),
        (("SELECT $x",), 3, "no value for its parameter $x"),
        (("SELECT 1", "-o", "result.doc"), 2, "name it .txt"),
        (("SELECT 1", "-o", "nowhere/result.csv"), 2, "there is no folder"),
        (("SELECT 1", "-o", "/dev/null", "-f", "csv"), 2, "is no regular file"),
        (("SELECT 1", "--hits", "nowhere.parquet"), 3, "nowhere.parquet does not exist"),
    ],
)
def test_sql_says_what_does_not_fit(
    arguments: tuple[str, ...], code: int, expected: str, index: Path, run: Callable[..., Any]
) -> None:
    outcome = run("sql", *arguments)
    assert (outcome.code, outcome.out) == (code, "")
    assert expected in outcome.err


def test_sql_asks_at_a_prompt_on_a_terminal(
    index: Path, run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setattr("emsearch_cli.sql_prompt.loop.converse", lambda target, form: asked.append(target))
    assert run("sql", "--rows", "7").code == 0
    assert (asked[0].catalogue.name, asked[0].rows, asked[0].hits) == ("catalogue.duckdb", 7, None)
    assert "need a statement" in run("sql", "--out", "x.csv").err


def test_verify_names_the_wrong_file_and_exits_4(index: Path, run: Callable[..., Any]) -> None:
    assert run("verify").code == 0
    catalogue = next(index.glob("gen-*/catalogue.duckdb"))
    content = bytearray(catalogue.read_bytes())
    content[len(content) // 2] ^= 1
    catalogue.write_bytes(content)
    outcome = run("verify", "--format", "tsv")
    assert outcome.code == 4
    assert "catalogue.duckdb\twrong\t" in outcome.out
    assert "1 of 1 files" in outcome.err
    assert run("groups").code == 4


@pytest.mark.parametrize("verb", [("groups",), ("show", "1aon"), ("info",), ("verify",), ("sql", "SELECT 1")])
def test_missing_index_exits_4(verb: tuple[str, ...], run: Callable[..., Any], tmp_path: Path) -> None:
    outcome = run(*verb, "--index", str(tmp_path / "nowhere"))
    assert (outcome.code, outcome.out) == (4, "")
    assert outcome.err.startswith("emsearch: no emsearch index at ")
