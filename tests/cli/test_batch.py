"""A stack from the command line: rows in a file, everything else on standard error."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mrcfile
import numpy as np
import pyarrow.parquet as pq
import pytest

if TYPE_CHECKING:
    from emsearch.search.engine import SearchIndex

PARTICLES = 14
BY_NETWORK = ("--contrast", "bright", "--rerank", "0")


@pytest.fixture(autouse=True)
def index(pooling_index: "SearchIndex", monkeypatch: pytest.MonkeyPatch) -> None:
    """Put an index that needs no training in the place of the one that ships."""

    def open_index(index_dir: Path | None = None, *, device: str = "auto") -> "SearchIndex":
        return pooling_index

    monkeypatch.setattr("emsearch.search.engine.open_index", open_index)
    monkeypatch.setattr("emsearch.batch.chunks._LARGEST_CHUNK", 4)


def write(path: Path, flat: int) -> str:
    """Write 14 images of noise, the first ``flat`` without contrast."""
    noise = np.random.default_rng(0).standard_normal((PARTICLES, 48, 48)).astype(np.float32)
    noise[:flat] = 1.0
    with mrcfile.new(path) as file:
        file.set_data(noise)
        file.set_image_stack()
        file.voxel_size = 3.0
    return str(path)


def test_rows_go_to_the_file_and_words_to_standard_error(run: Callable[..., Any], tmp_path: Path) -> None:
    out = tmp_path / "hits.parquet"
    outcome = run("batch", write(tmp_path / "s.mrcs", 0), "-o", str(out), "--top", "2", *BY_NETWORK)
    assert (outcome.code, outcome.out) == (0, "")
    assert f"wrote 14 particles to {out}, contrast bright" in outcome.err
    assert "14 of 14 particles" in outcome.err
    assert [len(hits) for hits in pq.read_table(out).column("hits").to_pylist()] == [2] * PARTICLES


def test_particles_that_failed_are_named_and_end_with_5(run: Callable[..., Any], tmp_path: Path) -> None:
    out = tmp_path / "hits.parquet"
    outcome = run("batch", write(tmp_path / "s.mrcs", 12), "-o", str(out), *BY_NETWORK)
    assert outcome.code == 5
    assert outcome.err.count("no answer: ") == 10
    assert "no answer: 1@s.mrcs: 1@s.mrcs has no contrast" in outcome.err
    assert "emsearch: 12 of 14 particles could not be searched" in outcome.err
    assert pq.read_table(out).column("group").null_count == 12


def test_interrupted_it_says_how_to_go_on_and_goes_on(
    run: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, stack = tmp_path / "hits.csv", write(tmp_path / "s.mrcs", 0)
    from emsearch.batch.parts import Parts

    add = Parts.add

    def add_then_stop(parts: Parts, number: int, *rest: Any) -> None:
        add(parts, number, *rest)
        if number == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(Parts, "add", add_then_stop)
    outcome = run("batch", stack, "-o", str(out), *BY_NETWORK)
    assert outcome.code == 130
    assert f"kept in {out}.part; the same command goes on from there" in outcome.err
    assert not out.exists()
    monkeypatch.setattr(Parts, "add", add)
    assert run("batch", stack, "-o", str(out), "--top", "1", *BY_NETWORK).code == 2
    assert run("batch", stack, "-o", str(out), *BY_NETWORK).code == 0
    assert len(out.read_text().splitlines()) == 1 + 5 * PARTICLES


def test_sets_are_a_table_and_a_page(run: Callable[..., Any], tmp_path: Path) -> None:
    out, page = tmp_path / "hits.parquet", tmp_path / "page.html"
    stack = write(tmp_path / "s.mrcs", 1)
    outcome = run(
        *("batch", stack, "-o", str(out), "--by", "stack", "--match-per-set", "2", "--html", str(page)),
        *BY_NETWORK,
    )
    assert outcome.code == 5
    assert "projection matching will take about 1 s on two cores" in outcome.err
    (row,) = [line.split() for line in outcome.out.splitlines() if line.strip().startswith("stack")]
    assert row[:3] == ["stack", "13", "2"]
    chances = [cell for cell in row if cell.startswith(("0.", "1."))]
    assert len(chances) >= 3 and all(
        len(chance.rstrip(",")) == 5 for chance in chances
    )  # 0.003, not 3.2118e-12
    (found,) = pq.read_table(tmp_path / "hits.sets.parquet").to_pylist()
    assert sum(hit["probability"] for hit in found["hits"]) + found["none"] == pytest.approx(1)
    text = page.read_text()
    assert found["representative"] in text
    assert "2 of 13 images were matched by projection" in text
    assert "1@s.mrcs has no contrast" in text


def test_a_report_without_sets_shows_the_whole_stack(run: Callable[..., Any], tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    stack, out = write(tmp_path / "s.mrcs", 0), str(tmp_path / "hits.parquet")
    outcome = run("batch", stack, "-o", out, "--match-per-set", "1", "--html", str(page), *BY_NETWORK)
    assert outcome.code == 0
    (found,) = pq.read_table(tmp_path / "hits.sets.parquet").to_pylist()
    assert found["set"] == "stack" and "1 of 14 images were matched by projection" in page.read_text()


def test_a_script_for_chimerax_shows_the_whole_stack(run: Callable[..., Any], tmp_path: Path) -> None:
    script = tmp_path / "hits.cxc"
    stack, out = write(tmp_path / "s.mrcs", 0), str(tmp_path / "hits.parquet")
    outcome = run("batch", stack, "-o", out, "--match-per-set", "3", "--cxc", str(script), *BY_NETWORK)
    assert outcome.code == 0 and f"ChimeraX: {script}" in outcome.err
    (found,) = pq.read_table(tmp_path / "hits.sets.parquet").to_pylist()
    assert f'open hits-models/001.cif name "stack {found["representative"]} ' in script.read_text()
    assert (tmp_path / "hits-models" / "001.cif").stat().st_size > 0


def test_a_dry_run_says_what_it_would_take_and_writes_nothing(
    run: Callable[..., Any], tmp_path: Path
) -> None:
    outcome = run("batch", write(tmp_path / "s.mrcs", 0), "--dry-run", "--rerank", "10", "--by", "stack")
    assert outcome.code == 0
    quantities = dict(line.split() for line in outcome.out.splitlines() if len(line.split()) == 2)
    assert (quantities["particles"], quantities["batches"]) == ("14", "1")
    assert quantities["matched_groups"] == "10"
    assert float(quantities["hours_for_sets"]) == pytest.approx(14 * 0.5 / 3600, rel=1e-3)
    assert float(quantities["hours_with_matching"]) > float(quantities["hours_without_matching"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["s.mrcs"]


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        ((), 2, "no output was named"),
        (("-o", "hits.csv", "--html", "none/page.html"), 2, "there is no folder"),
        (("-o", "hits.xlsx"), 2, "does not say its format"),
        (("-o", "none/hits.csv"), 2, "there is no folder"),
        (("-o", "hits.csv", "--pixel-size", "900"), 3, "--pixel-size 900 is not a pixel size"),
    ],
)
def test_what_cannot_be_asked_ends_in_one_sentence(
    run: Callable[..., Any], tmp_path: Path, arguments: tuple[str, ...], code: int, sentence: str
) -> None:
    outcome = run("batch", write(tmp_path / "s.mrcs", 0), *arguments)
    assert (outcome.code, outcome.out) == (code, "")
    assert sentence in outcome.err
    assert run("batch", str(tmp_path / "nothing.mrcs"), "-o", "hits.csv").code == 3


def test_a_report_shows_a_guess_beside_the_clearest_image(run: Callable[..., Any], tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    stack, out = write(tmp_path / "s.mrcs", 0), str(tmp_path / "hits.parquet")
    asked = ("batch", stack, "-o", out, "--match-per-set", "1", *BY_NETWORK)
    assert run(*asked, "--denoised").code == 2
    assert run(*asked, "--html", str(page), "--denoised").code == 0
    text = page.read_text()
    assert "denoised: a model" in text and "guess of strength" in text
