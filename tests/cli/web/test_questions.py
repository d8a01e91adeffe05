"""The ready-made questions on the page of SQL."""

import re
from html import unescape

import pytest
from fastapi.testclient import TestClient

from emsearch_index.saved_questions import saved_questions


def test_all_are_listed_by_name(page: TestClient) -> None:
    text = unescape(page.get("/sql").text)
    questions = saved_questions()
    assert len(questions) >= 17
    assert all(f'href="/sql?question={q.name}"' in text and q.question in text for q in questions)
    listed = page.get("/api/questions").json()
    assert [(q["name"], q["sql"]) for q in listed] == [(q.name, q.sql) for q in questions]


@pytest.mark.parametrize("name", [question.name for question in saved_questions()])
def test_one_that_is_chosen_fills_the_box_and_runs(page: TestClient, name: str) -> None:
    response = page.get("/sql", params={"question": name})
    text = unescape(response.text)
    (question,) = (q for q in saved_questions() if q.name == name)
    assert response.status_code == 200 and question.sql in text
    assert f"emsearch sql --saved {name}" in text
    missing = any(parameter.default is None for parameter in question.parameters)
    assert ('<h2 id="result">' in text) == (not missing and not question.needs_hits)
    assert ("Give a value for" in text) == (missing and not question.needs_hits)
    assert ("--hits hits.parquet" in text) == question.needs_hits


def test_values_are_bound_and_part_of_the_command(page: TestClient) -> None:
    asked = {"question": "of-mass", "value-mass_kda": "22", "value-percent": "50"}
    text = unescape(page.get("/sql", params=asked).text)
    assert "5 rows" in text and "emsearch sql --saved of-mass -p mass_kda=22 -p percent=50" in text
    (download,) = re.findall(r'href="(/sql/result\.csv\?[^"]+)"', text)
    assert page.get(download).text.count("\n") == 6
    hostile = {**asked, "value-mass_kda": "1'; DROP TABLE groups; --<script>"}
    refused = page.get("/sql", params=hostile)
    assert refused.status_code == 422 and "<script>" not in refused.text
    assert page.get("/sql?question=none").status_code == 422


def test_a_question_that_was_changed_is_a_statement(page: TestClient) -> None:
    asked = {"question": "rods", "statement": "SELECT $anisotropy AS a", "value-anisotropy": "7"}
    text = unescape(page.get("/sql", params=asked).text)
    assert "1 row<" in text and "emsearch sql 'SELECT $anisotropy AS a' -p anisotropy=7" in text
    body = {"statement": "SELECT $a AS a", "parameters": {"a": "<b>"}}
    assert page.post("/api/sql", json=body).json()["rows"] == [["<b>"]]
    assert page.get("/sql/result.csv?question=of-mass").status_code == 422
