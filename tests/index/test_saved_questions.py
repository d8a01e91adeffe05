"""The ready-made questions: each is whole, and runs on the index that ships."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from emsearch_index.catalogue import Catalogue
from emsearch_index.errors import UsageError
from emsearch_index.generation import default_index_dir, open_generation
from emsearch_index.saved_questions import (
    SavedQuestion,
    filled,
    given_parameters,
    saved_question,
    saved_questions,
)
from emsearch_index.schema import HITS

GIVEN = {"structure": "1f4a_map", "group": "g0001", "mass_kda": "464"}
TYPES = {"VARCHAR": pa.string(), "BIGINT": pa.int64(), "DOUBLE": pa.float64(), "STRUCT(...)[]": pa.string()}
QUESTIONS = saved_questions()


@pytest.fixture(scope="module")
def shipped() -> Iterator[Catalogue]:
    if not (default_index_dir() / "CURRENT").exists():
        pytest.skip("the index that ships is not there: it was not built yet")
    path: Path = open_generation(default_index_dir()).file("catalogue.duckdb")
    particle = {
        "row": 1,
        "group": "G0001",
        "representative": "2mnr",
        "probability": 0.9,
        "in_database_probability": 0.8,
    }
    failed = {"row": 2, "error": "it is empty"}
    columns = {
        column.name: pa.array([particle.get(column.name), failed.get(column.name)], TYPES[column.type])
        for column in HITS.columns
    }
    with Catalogue.guarded(path, 256) as opened:
        opened.register("hits", pa.table(columns))
        yield opened


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
def test_every_question_is_answered(question: SavedQuestion, shipped: Catalogue) -> None:
    assert question.question.endswith("?") and question.sql.startswith(("SELECT", "WITH"))
    values = filled(question, {p.name: GIVEN[p.name] for p in question.parameters if p.default is None})
    columns, _, rows = shipped.select(question.sql, values)
    assert len(set(columns)) == len(columns)
    assert len(list(rows)) > 0
    assert question.needs_hits is ("FROM hits" in question.sql)


def test_another_parameter_gives_another_answer(shipped: Catalogue) -> None:
    merges = saved_question("merges")
    counts = [
        len(list(shipped.select(merges.sql, filled(merges, {"threshold": t}))[2])) for t in ("0.89", "0.8")
    ]
    assert 0 < counts[0] < counts[1]


def test_a_group_that_merges_is_one_whose_pairs_all_reach_the_threshold(tmp_path: Path) -> None:
    scores = {
        ("a1", "a2"): 0.95,
        ("a1", "b1"): 0.88,
        ("a2", "b1"): 0.86,
        ("a1", "c1"): 0.89,
    }  # a2, c1: not compared
    members = {"A": ["a1", "a2"], "B": ["b1"], "C": ["c1"]}
    with Catalogue.create(tmp_path / "catalogue.duckdb") as opened:
        opened.upsert("groups", [{"id": group, "members": len(ids)} for group, ids in members.items()])
        opened.upsert(
            "structures", [{"id": i, "group_id": group} for group, ids in members.items() for i in ids]
        )
        opened.upsert(
            "similarities", [{"structure_a": a, "structure_b": b, "score": s} for (a, b), s in scores.items()]
        )
        found = {}
        for threshold in ("0.85", "0.87"):
            rows = opened.select(saved_question("merges").sql, {"threshold": threshold})[2]
            found[threshold] = [row[:3] for row in rows]
        splits = list(opened.select(saved_question("splits").sql, {"threshold": "0.96"})[2])
    assert found == {"0.85": [("A", "B", 0.86)], "0.87": []}
    assert [row[:5] for row in splits] == [("A", 2, 0.95, "a1", "a2")]


def test_what_is_given_has_to_fit_the_question() -> None:
    with pytest.raises(UsageError, match="there are assumptions, "):
        saved_question("nothing")
    with pytest.raises(UsageError, match="has no parameter 'colour'; it has threshold"):
        filled(saved_question("merges"), {"colour": "red"})
    with pytest.raises(UsageError, match="needs a value for structure"):
        filled(saved_question("neighbours"), {})
    assert filled(saved_question("of-mass"), {"mass_kda": "5"}) == {"mass_kda": "5", "percent": "10"}


@pytest.mark.parametrize("texts", [["threshold"], ["=1"], ["a b=1"], ["a=1", "$a=2"]])
def test_parameters_have_a_name_and_a_value(texts: list[str]) -> None:
    with pytest.raises(UsageError):
        given_parameters(texts)


def test_a_value_may_hold_anything() -> None:
    assert given_parameters(["$a==b", "c="]) == {"a": "=b", "c": ""}
