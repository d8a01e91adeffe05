import dataclasses
import json
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emsearch.search.hits import Answer, Quantities, Quantity
from emsearch_cli.options import Format
from emsearch_cli.render import (
    answer_rows,
    answer_to_json,
    by_itself,
    headline,
    round_probabilities,
    verdict,
    write_answers,
)


def test_json_has_the_documented_fields_in_order(answer: Answer) -> None:
    record = answer_to_json(answer)
    assert list(record) == [
        "query",
        "index",
        "in_database_probability",
        "particle_probability",
        "hits",
        "undecided",
        "quantities",
    ]
    assert list(record["query"]) == ["path", "image", "pixel_size_angstrom", "pixel_size_source", "contrast"]
    assert record["index"] == {"path": "/index", "generation": "gen-1"}
    hit = record["hits"][0]
    assert list(hit) == [
        "rank",
        "group",
        "representative",
        "title",
        "members",
        "probability",
        "similarity",
        "mass_kda",
        "dmax_angstrom",
        "size_class",
        "view",
    ]
    assert hit["members"] == ["6cvm", "1f4a"]
    assert hit["view"] == {
        "structure": "6cvm",
        "quaternion": [1.0, 0.0, 0.0, 0.0],
        "in_plane_degrees": 12.0,
        "shift_px": [0.4, -1.2],
        "mirror": False,
        "fill": 0.75,
        "correlation": 0.8812,
    }
    assert record["hits"][1]["view"] is None


def test_json_probabilities_stay_close_and_never_sum_above_one(answer: Answer) -> None:
    record = answer_to_json(answer)
    assert record["in_database_probability"] == pytest.approx(0.93456, abs=1e-4)
    assert record["hits"][0]["probability"] == pytest.approx(0.71239, abs=1e-4)
    assert sum(hit["probability"] for hit in record["hits"]) <= record["in_database_probability"]


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=40).filter(lambda shares: sum(shares) > 0.1))
def test_rounding_keeps_sum_order_and_distance(weights: list[float]) -> None:
    shares = sorted((weight / sum(weights) for weight in weights), reverse=True)
    rounded = round_probabilities(shares)
    assert math.isclose(sum(rounded), 1.0, abs_tol=1e-9)
    assert rounded == sorted(rounded, reverse=True)
    assert all(abs(before - after) <= 1.01e-4 for before, after in zip(shares, rounded, strict=True))


def test_one_answer_is_an_object_and_several_are_a_list(
    answer: Answer, capsys: pytest.CaptureFixture[str]
) -> None:
    write_answers([answer], Format.JSON)
    assert json.loads(capsys.readouterr().out)["query"]["path"] == "p.png"
    write_answers([answer, answer], Format.JSON)
    assert len(json.loads(capsys.readouterr().out)) == 2
    write_answers([answer, answer], Format.JSONL)
    assert [json.loads(line)["query"]["image"] for line in capsys.readouterr().out.splitlines()] == [1, 1]


def test_rows_are_flat_and_as_wide_as_the_header(answer: Answer) -> None:
    table = answer_rows([answer])
    assert all(len(row) == len(table.columns) for row in table.rows)
    first, second = table.records()
    assert (first["structure"], first["quaternion_w"], first["shift_y_px"], first["fill"]) == (
        "6cvm",
        1.0,
        -1.2,
        0.75,
    )
    assert (second["group"], second["structure"], second["correlation"]) == ("G0007", None, None)


def test_headline_says_what_was_assumed(answer: Answer) -> None:
    assert headline(answer) == (
        "p.png, image 1: pixel size 4.2 A (option), contrast bright, in the database with probability 0.93"
    )
    unknown = dataclasses.replace(answer, pixel_size_angstrom=None, pixel_size_source="none")
    assert "size was not used" in headline(unknown)


def test_verdict_warns_where_none_of_these_is_likelier_or_several_fit(answer: Answer) -> None:
    assert verdict(dataclasses.replace(answer, undecided=("G0042",))) is None
    assert "cannot decide among G0042, G0007 (" in str(verdict(answer))
    many = dataclasses.replace(answer, undecided=tuple(f"G{k:04}" for k in range(9)))
    assert "G0005 and 3 more" in str(verdict(many))
    assert "NOT in the database" in str(verdict(dataclasses.replace(answer, in_database_probability=0.2)))
    noise = dataclasses.replace(answer, in_database_probability=0.2, particle_probability=0.3)
    assert "NO particle" in str(verdict(noise))


def test_table_shows_bar_and_shortened_title(answer: Answer, capsys: pytest.CaptureFixture[str]) -> None:
    write_answers([dataclasses.replace(answer, in_database_probability=0.3)], Format.TABLE)
    out = capsys.readouterr().out
    assert "Probably NOT in the database" in out
    assert "██████░░ 0.712" in out
    assert "beta-galactosidase beta-galactosidase" in out and "..." in out
    assert "\x1b" not in out  # no colours into a pipe


def test_what_the_picture_alone_says_comes_with_its_range(answer: Answer) -> None:
    assert by_itself(answer) is None and answer_to_json(answer)["quantities"] is None
    one = Quantity(1.0, 0.5, 2.0)
    read = Quantities(Quantity(451.7, 390.2, 523.4), Quantity(152.3, 140.1, 171.9), one, one, one)
    told = replace(answer, quantities=read)
    assert str(by_itself(told)).startswith(
        "By the picture alone: 452 kDa (390 to 523), 152 A (140 to 172) long"
    )
    assert answer_to_json(told)["quantities"]["shape"] is None
    ring = replace(read, hollow=Quantity(0.6, 0.4, 0.8))
    assert "long, ring-like (each range" in str(by_itself(replace(answer, quantities=ring)))
    assert answer_to_json(replace(answer, quantities=ring))["quantities"]["shape"] == "ring-like"
    capsid = replace(read, mass_kda=Quantity(1_013_000.0, 569_000.0, 1_800_000.0))
    assert "alone: 1010 MDa (569 to 1800), 152 Å (" in str(by_itself(replace(told, quantities=capsid), "Å"))
    assert answer_to_json(told)["quantities"]["mass_kda"] == {"value": 452.0, "low": 390.0, "high": 523.0}
