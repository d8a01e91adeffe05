import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from emsearch_cli.build import chosen_stages
from emsearch_index.errors import UsageError

STAGES = ("ingest", "group", "train", "index", "calibrate", "publish")


@dataclass(frozen=True, slots=True)
class Settings:
    map_level: float | None = None
    training_images: int = 1000
    nside: int = 4
    workers: int = 2
    seed: int = 0
    pretrained: str | None = None
    device: str = "auto"


@dataclass(frozen=True, slots=True)
class Record:
    images: int
    hours: float


@pytest.fixture
def calls(replace_module: Callable[..., None]) -> list[dict[str, Any]]:
    seen: list[dict[str, Any]] = []

    def build(
        inputs: Any, out: Path, settings: Settings, *, stages: Any, report: Callable[[str], None]
    ) -> Record:
        seen.append({"inputs": inputs, "out": out, "settings": settings, "stages": stages})
        report("ingest: 1 of 2 files")
        return Record(5, 0.5)

    def plan(inputs: Any, settings: Settings) -> Record:
        seen.append({"inputs": inputs, "settings": settings})
        return Record(7, 1.5)

    def nside_of_directions(directions: int) -> int:
        if directions != 768:
            raise UsageError(f"{directions} directions")
        return 8

    def simulate_file(structure: str, out: Path, **options: Any) -> Path:
        seen.append({"structure": structure, "out": out, **options})
        return out

    replace_module(
        "emsearch.build",
        STAGES=STAGES,
        BuildSettings=Settings,
        build=build,
        nside_of_directions=nside_of_directions,
        plan=plan,
        simulate_file=simulate_file,
    )
    return seen


def test_build_gives_only_what_was_asked_and_reports_on_stderr(
    calls: list[dict[str, Any]], run: Callable[..., Any]
) -> None:
    outcome = run(
        "build", "a", "b", "--out", "o", "--seed", "3", "--stages", "group,ingest", "--format", "json"
    )
    assert outcome.code == 0
    assert json.loads(outcome.out) == {"images": 5, "hours": 0.5}
    assert outcome.err == "ingest: 1 of 2 files\n"
    assert calls == [
        {
            "inputs": [Path("a"), Path("b")],
            "out": Path("o"),
            "settings": Settings(seed=3),
            "stages": ("ingest", "group"),
        }
    ]


def test_dry_run_plans_and_does_not_build(calls: list[dict[str, Any]], run: Callable[..., Any]) -> None:
    outcome = run("build", "a", "--out", "o", "--dry-run", "--format", "tsv")
    assert outcome.out == "quantity\tvalue\nimages\t7\nhours\t1.5\n"
    assert "out" not in calls[0]


def test_directions_become_an_nside(calls: list[dict[str, Any]], run: Callable[..., Any]) -> None:
    assert run("build", "a", "--out", "o", "--dry-run", "--directions", "768").code == 0
    assert calls[0]["settings"] == Settings(nside=8)
    assert run("build", "a", "--out", "o", "--dry-run", "--directions", "200").code == 2


def test_unknown_stage_is_a_usage_error(calls: list[dict[str, Any]], run: Callable[..., Any]) -> None:
    outcome = run("build", "a", "--out", "o", "--stages", "ingest,bake")
    assert outcome.code == 2
    assert "bake" in outcome.err and "publish" in outcome.err
    assert calls == []
    with pytest.raises(UsageError, match="no stage"):
        chosen_stages(",", STAGES)


def test_simulate_hands_its_options_on(calls: list[dict[str, Any]], run: Callable[..., Any]) -> None:
    outcome = run("simulate", "6cvm", "-o", "o.mrcs", "--snr", "0.5", "--modality", "cryo", "--box", "64")
    assert (outcome.code, outcome.out) == (0, "")
    assert outcome.err == "wrote 10 images to o.mrcs\n"
    assert calls == [
        {
            "structure": "6cvm",
            "out": Path("o.mrcs"),
            "images": 10,
            "snr": 0.5,
            "modality": "cryo",
            "pixel_size_angstrom": None,
            "box_px": 64,
            "seed": 0,
            "index_dir": None,
        }
    ]
