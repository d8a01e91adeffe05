import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from emsearch.particles.errors import ImageError
from emsearch.search.hits import Answer
from emsearch_index.errors import IndexMissingError


class FakeIndex:
    """Stands for an open index and the search of it: remembers what it was asked."""

    def __init__(self, answers: list[Answer]) -> None:
        self.answers = answers
        self.asked: dict[str, Any] = {}
        self.pictures: list[Path] = []

    def search_file(self, spec: str, **options: Any) -> list[Answer]:
        self.asked = {"spec": spec, **options}
        if options["pixel_size_angstrom"] == 0:
            raise ImageError("the pixel size is 0 A; give one above 0 and at most 100 A")
        return self.answers

    def write_picture(self, answer: Answer, path: Path) -> None:
        self.pictures.append(path)


@pytest.fixture
def index(answer: Answer, replace_module: Callable[..., None]) -> FakeIndex:
    fake = FakeIndex([answer])

    def open_index(index_dir: Path | None, *, device: str = "auto") -> FakeIndex:
        if index_dir == Path("nowhere"):
            raise IndexMissingError("there is no index at nowhere")
        return fake

    def search_file(index: FakeIndex, spec: str, **options: Any) -> list[Answer]:
        return index.search_file(spec, **options)

    def write_picture(index: FakeIndex, answer: Answer, path: Path) -> None:
        index.write_picture(answer, path)

    replace_module("emsearch.search.engine", open_index=open_index)
    replace_module("emsearch.search.searching", search_file=search_file)
    replace_module("emsearch.search.picture", write_picture=write_picture)
    return fake


def test_options_reach_the_library(index: FakeIndex, run: Callable[..., Any]) -> None:
    outcome = run(
        *("query", "3@stack.mrcs", "--pixel-size", "4.2", "--contrast", "dark", "--top", "2", "--rerank", "0")
    )
    assert outcome.code == 0
    assert index.asked == {
        "spec": "3@stack.mrcs",
        "pixel_size_angstrom": 4.2,
        "contrast": "dark",
        "top": 2,
        "rerank": 0,
    }


def test_json_alone_is_on_stdout_and_notes_on_stderr(index: FakeIndex, run: Callable[..., Any]) -> None:
    outcome = run("query", "p.png", "--format", "json")
    assert json.loads(outcome.out)["hits"][0]["group"] == "G0042"
    assert outcome.err == "note: the particle was moved\n"
    assert run("query", "p.png", "--format", "json", "-q").err == ""


def test_pictures_of_several_images_have_numbers(
    index: FakeIndex, run: Callable[..., Any], tmp_path: Path
) -> None:
    run("query", "p.png", "--png", str(tmp_path / "hits.png"))
    assert index.pictures == [tmp_path / "hits.png"]
    index.answers = index.answers * 2
    run("query", "p.png", "--png", str(tmp_path / "hits.png"))
    assert index.pictures[1:] == [tmp_path / "hits-1.png"] * 2


def test_bad_pixel_size_exits_3_with_the_librarys_sentence(index: FakeIndex, run: Callable[..., Any]) -> None:
    outcome = run("query", "p.png", "--pixel-size", "0")
    assert (outcome.code, outcome.out) == (3, "")
    assert outcome.err == "emsearch: the pixel size is 0 A; give one above 0 and at most 100 A\n"


def test_index_comes_from_option_or_environment(
    index: FakeIndex, run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("query", "p.png", "--index", "nowhere").code == 4
    monkeypatch.setenv("EMSEARCH_INDEX", "nowhere")
    assert run("query", "p.png").code == 4
