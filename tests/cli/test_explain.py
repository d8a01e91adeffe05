"""`emsearch explain`: what it writes, and what it refuses."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gemmi
import numpy as np
import pytest
from PIL import Image

from emsearch.imaging.cloud import BeadCloud
from emsearch.imaging.parameters import clean_parameters
from emsearch.imaging.simulate import Simulator
from emsearch.imaging.stack_files import write_stack
from emsearch.network.model import ShapeNetwork

FILES = (
    "explanation.png",
    "explanation.npz",
    "explanation.json",
    "residues.cif",
    "residues.defattr",
    "residues.cxc",
)


@pytest.fixture
def opened(pooling_index: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return an index that the program opens, its network untrained."""
    monkeypatch.setattr(pooling_index, "network", ShapeNetwork(5, width=8).eval(), raising=False)
    monkeypatch.setattr("emsearch.search.engine.open_index", lambda path, *, device: pooling_index)
    return pooling_index


@pytest.fixture(scope="module")
def particle(blobs: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    simulator = Simulator(BeadCloud.from_models([blobs["blob1"]]))
    parameters = clean_parameters(np.array([[0.6, 0.0, 0.8, 0.0]])).with_values(snr=10)
    shot = simulator.micrographs(np.zeros(1, np.int64), parameters, np.array([4.5]), 64, 1)
    path = tmp_path_factory.mktemp("particle") / "particle.mrcs"
    write_stack(path, shot.micrographs.numpy(), 4.5, star=None, metadata={})
    return path


def attributes(path: Path) -> dict[str, dict[str, float]]:
    """Read an attribute assignment file of ChimeraX."""
    found: dict[str, dict[str, float]] = {}
    for line in path.read_text().splitlines():
        if line.startswith("attribute: "):
            values = found.setdefault(line.removeprefix("attribute: "), {})
        elif line.startswith("\t"):
            _, place, value = line.split("\t")
            values[place] = float(value)
    return found


def test_what_is_written_agrees(
    run: Callable[..., Any], opened: Any, particle: Path, blobs: Any, tmp_path: Path
) -> None:
    out = tmp_path / "why"
    outcome = run(
        "explain", str(particle), "-o", str(out), "--hit", "blob1", "--rather-than", "G3", "--method", "match", "-f", "json"
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    assert all((out / name).is_file() for name in FILES)
    document = json.loads((out / "explanation.json").read_text())
    assert document == json.loads(outcome.out)
    assert (document["hit"]["group"], document["rather_than"]["group"]) == ("G1", "G3")
    with np.load(out / "explanation.npz", allow_pickle=False) as arrays:
        beads, observed = arrays["beads_match"], arrays["match_observed"][0]
    assert observed.sum() == pytest.approx(document["images"][0]["log_likelihood"], abs=1e-2)
    assert beads.sum() == pytest.approx(document["methods"][0]["on_beads"], abs=1e-2)
    read = attributes(out / "residues.defattr")["relevance_match"]
    assert list(read) == [f"/A:{k}" for k in range(1, len(blobs["blob1"]) + 1)]
    np.testing.assert_allclose(list(read.values()), beads, rtol=1e-4, atol=1e-9)
    (model,) = gemmi.read_structure(str(out / "residues.cif"))
    factors = np.array([cra.atom.b_iso for cra in model.all()])
    assert len(factors) == len(beads) and factors.min() >= 0 and factors.max() <= 100
    assert np.corrcoef(np.argsort(np.argsort(factors)), np.argsort(np.argsort(beads)))[0, 1] > 0.99
    script = (out / "residues.cxc").read_text()
    assert "open residues.cif" in script and "r:relevance_match" in script
    with Image.open(out / "explanation.png") as picture:
        assert picture.format == "PNG" and picture.width > picture.height


def test_a_table_is_for_people(run: Callable[..., Any], opened: Any, particle: Path, tmp_path: Path) -> None:
    out = tmp_path / "why"
    outcome = run("explain", f"1@{particle}", "-o", str(out), "--hit", "G1", "--method", "cam")
    assert outcome.code == 0, outcome.err
    assert "G1 (blob1)" in outcome.out and "log_likelihood" in outcome.out and "cam" in outcome.out
    assert list(attributes(out / "residues.defattr")) == ["relevance_cam"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--hit", "nobody"), 2, "neither a rank nor a group"),
        (("--hit", "G1", "--rather-than", "blob1"), 2, "the same group"),
        (("--images", "2-4"), 2, "not within the 1 images"),
        (("--method", "guess"), 2, "guess"),
        (("--hit", "G1", "--pixel-size", "-1"), 3, "-1"),
    ],
)
def test_what_is_refused(
    run: Callable[..., Any],
    opened: Any,
    particle: Path,
    tmp_path: Path,
    arguments: tuple[str, ...],
    code: int,
    words: str,
) -> None:
    outcome = run("explain", str(particle), "-o", str(tmp_path / "why"), *arguments)
    assert outcome.code == code and words in outcome.err
    assert not (tmp_path / "why").exists()


def test_inputs_and_outputs_that_cannot_be(
    run: Callable[..., Any], opened: Any, particle: Path, tmp_path: Path
) -> None:
    assert run("explain", str(tmp_path / "none.mrcs"), "-o", str(tmp_path / "why")).code == 3
    assert run("explain", str(particle), "-o", str(tmp_path / "no" / "why")).code == 2
    (tmp_path / "file").write_text("")
    outcome = run("explain", str(particle), "-o", str(tmp_path / "file"))
    assert outcome.code == 2 and "is a file" in outcome.err
