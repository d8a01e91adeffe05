import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from emsearch_index.generation import default_index_dir


@pytest.fixture
def calls(replace_module: Callable[..., None]) -> list[dict[str, Any]]:
    """Replace the library by one that adds a structure, or nothing where the file is named old.cif."""
    seen: list[dict[str, Any]] = []

    def add(files: list[Path], index: Path, out: Path | None, **options: Any) -> SimpleNamespace:
        options.pop("report")("add: files: 1 of 1")
        seen.append({"files": files, "index": index, "out": out, **options})
        one = SimpleNamespace(
            structure="2new", group="G0006", size_class="d0-130", new_group=True, similarity=1.0
        )
        return SimpleNamespace(generation="gen-1", added=() if files == [Path("old.cif")] else (one,))

    replace_module("emsearch.build.adding.add", add=add)
    return seen


def test_what_was_added_is_told(calls: list[dict[str, Any]], run: Callable[..., Any]) -> None:
    outcome = run("add", "a.cif", "maps", "--index", "i", "--map-level", "0.5", "--format", "json")
    assert outcome.code == 0
    assert json.loads(outcome.out) == [
        {
            "structure": "2new",
            "group": "G0006",
            "new_group": True,
            "size_class": "d0-130",
            "similarity": 1.0,
        }
    ]
    assert outcome.err == "add: files: 1 of 1\ngen-1: 1 added\n"
    assert calls == [
        {
            "files": [Path("a.cif"), Path("maps")],
            "index": Path("i"),
            "out": None,
            "map_level": 0.5,
            "workers": None,
            "device": "auto",
        }
    ]


def test_nothing_new_is_an_empty_list(calls: list[dict[str, Any]], run: Callable[..., Any]) -> None:
    outcome = run("add", "old.cif", "--index", "i", "--format", "json", "--quiet")
    assert (outcome.code, json.loads(outcome.out), outcome.err) == (0, [], "")


def test_the_index_that_ships_is_copied_and_never_changed_unasked(
    calls: list[dict[str, Any]], run: Callable[..., Any]
) -> None:
    outcome = run("add", "a.cif")
    assert outcome.code == 2
    assert "--index" in outcome.err and "--out" in outcome.err
    assert calls == []
    assert run("add", "a.cif", "--out", "o").code == 0
    assert (calls[0]["index"], calls[0]["out"]) == (default_index_dir(), Path("o"))
