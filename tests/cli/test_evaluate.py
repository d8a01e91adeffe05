import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from emsearch.evaluation import protocol as protocol_module
from emsearch.evaluation.known import Judged
from emsearch.evaluation.noise_alone import NoiseAnswer
from emsearch.evaluation.poses import PoseError
from emsearch.evaluation.protocol import Evaluation, Protocol
from emsearch.evaluation.queries import Named, Query, Truth
from emsearch_cli.evaluate import signal_to_noise_levels
from emsearch_index.errors import UsageError


@dataclass(frozen=True, slots=True)
class Row:
    snr: float
    top1: float


def found_by(protocol: Protocol) -> Evaluation:
    """Return two queries a level, the first of them right, and an image judged at each."""
    truth = Truth("G0", "blob0", 0.0, "d100-200", (1, 0, 0, 0), (0, 0, 1), 0.0, (0, 0), 1.0, 1.0, 20.0)
    right = Query(
        set="unknown" if "unknown" in protocol.sets else "trained",
        snr=0.0,
        image=0,
        in_index=True,
        among=5,
        truth=truth,
        answers={"network": Named(2, "G1"), "re-ranked": Named(1, "G0")},
        in_database_probability=0.7,
        pose=PoseError(4.0, 3.0, 2.0),
        seconds={"network": 0.1, "re-ranked": 0.5},
    )
    wrong = replace(right, image=1, answers=dict.fromkeys(right.answers, Named(None, "G1")), pose=None)
    queries = tuple(replace(q, snr=snr) for snr in protocol.snr_levels for q in (right, wrong))
    judged = tuple(
        Judged(k, "d0-130", snr, 0.7, 0.2, 0.6, 0.3, 1, True) for snr in protocol.snr_levels for k in range(2)
    )
    noise = (NoiseAnswer(0.1, 0.3), NoiseAnswer(0.6, 0.8))
    unknown = "unknown" in protocol.sets
    return Evaluation(queries, judged if unknown else (), (), noise if unknown else ())


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, replace_module: Callable[..., None]) -> list[Protocol]:
    """Replace index and evaluation, and return the protocols that were asked for."""
    protocols: list[Protocol] = []

    def evaluate_index(index: object, protocol: Protocol, report: Callable[[str], None]) -> Evaluation:
        protocols.append(protocol)
        report("the library says something")
        return found_by(protocol)

    replace_module("emsearch.search.engine", open_index=lambda index_dir, *, device: object())
    monkeypatch.setattr(protocol_module, "evaluate_index", evaluate_index)
    return protocols


def test_an_answer_is_a_row(run: Callable[..., Any], asked: list[Protocol]) -> None:
    outcome = run("evaluate", "--snr", "clean,10", "--images", "2", "--seed", "3", "--format", "json")
    assert asked == [Protocol(snr_levels=(float("inf"), 10.0), images=2, seed=3)]
    rows = json.loads(outcome.out)
    assert [(r["snr"], r["answer"], r["top1"]) for r in rows] == [
        ("clean", "network", 0.0),
        ("clean", "re-ranked", 0.5),
        (10.0, "network", 0.0),
        (10.0, "re-ranked", 0.5),
    ]
    assert [r["direction_median_degrees"] for r in rows] == [None, 4.0, None, 4.0]
    assert {r["auroc"] for r in rows} == {None}
    assert "the library says something" in outcome.err


def test_known_or_not_stands_beside(run: Callable[..., Any], asked: list[Protocol]) -> None:
    rows = json.loads(run("evaluate", "--sets", "unknown", "--snr", "2,10", "--format", "json").out)
    assert [(r["snr"], r["auroc"]) for r in rows if r["auroc"] is not None] == [
        (2.0, 1.0),
        (10.0, 1.0),
        ("all", 1.0),
    ]
    assert rows[-2]["top1"] is None and len({tuple(r) for r in rows}) == 1
    noise = rows[-1]
    assert (noise["set"], noise["images"], noise["top1"]) == ("noise", 2, None)
    assert (noise["false_accept"], noise["taken_for_particle"]) == (0.5, 0.5)


def test_people_get_a_table_of_each_kind(run: Callable[..., Any], asked: list[Protocol]) -> None:
    out = run("evaluate", "--sets", "unknown", "--snr", "clean", "--by-class").out
    for words in ("recognition", "poses", "in database", "noise alone", "auroc", "clean", "d100-200"):
        assert words in out, words


@pytest.mark.parametrize("form", ["csv", "tsv", "jsonl"])
def test_other_formats_hold_the_same_rows(run: Callable[..., Any], asked: list[Protocol], form: str) -> None:
    lines = run("evaluate", "--snr", "clean", "--format", form).out.splitlines()
    assert len(lines) == 2 + (form != "jsonl")
    assert "re-ranked" in lines[-1] and "clean" in lines[-1]


def test_files_are_written_where_asked(
    run: Callable[..., Any], asked: list[Protocol], tmp_path: Path
) -> None:
    files = [tmp_path / name for name in ("queries.parquet", "summary.png")]
    outcome = run("evaluate", "--parquet", str(files[0]), "--png", str(files[1]))
    assert outcome.code == 0
    assert files[0].read_bytes()[:4] == b"PAR1" and files[1].read_bytes()[1:4] == b"PNG"
    assert all(f"written: {path}" in outcome.err for path in files)


def test_the_page_is_written_by_the_library(
    run: Callable[..., Any], asked: list[Protocol], replace_module: Callable[..., None], tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    replace_module(
        "emsearch.evaluation.report", html_report=lambda index, protocol, evaluation: "<p>\u00c5</p>"
    )
    assert run("evaluate", "--html", str(page)).code == 0
    assert page.read_text(encoding="utf-8") == "<p>\u00c5</p>"


def test_quick_chooses_for_itself(run: Callable[..., Any], asked: list[Protocol]) -> None:
    assert run("evaluate", "--quick", "--ceiling").code == 0
    (protocol,) = asked
    assert protocol.sets == ("trained", "members", "unknown")
    assert protocol.snr_levels == (10.0, 2.0)
    assert len(protocol.sets) * len(protocol.snr_levels) * protocol.images <= 100
    assert protocol.ceiling


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--sets", "trained,strange"), "'strange' is no set of test images"),
        (("--quick", "--images", "5"), "--quick chooses --sets, --snr and --images itself"),
        (("--html", "nowhere/page.html"), "there is no folder"),
        (("--snr", "loud"), "positive numbers or clean"),
        (("--real", ".", "--ceiling"), "--real gives its table alone"),
    ],
)
def test_options_that_cannot_be(
    run: Callable[..., Any], asked: list[Protocol], arguments: tuple[str, ...], words: str
) -> None:
    outcome = run("evaluate", *arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert words in outcome.err and outcome.err.count("\n") == 1
    assert not asked


def test_a_folder_of_real_images_is_searched_instead(
    run: Callable[..., Any], replace_module: Callable[..., None], tmp_path: Path
) -> None:
    asked: list[Any] = []

    def evaluate_real(index: object, folder: Path, **options: Any) -> list[Row]:
        asked.extend([folder, options["rerank"]])
        return [Row(2.0, 1.0)]

    replace_module("emsearch.search.engine", open_index=lambda index_dir, *, device: object())
    replace_module("emsearch.evaluation.real", evaluate_real=evaluate_real)
    outcome = run("evaluate", "--real", str(tmp_path), "--rerank", "7", "--format", "json")
    assert json.loads(outcome.out) == [{"snr": 2.0, "top1": 1.0}]
    assert asked == [tmp_path, 7]


@pytest.mark.parametrize("text", ["", "a", "1,-2", "0", "nan", "inf", "clean,x"])
def test_levels_must_be_positive_numbers_or_clean(text: str) -> None:
    with pytest.raises(UsageError, match="positive numbers"):
        signal_to_noise_levels(text)
