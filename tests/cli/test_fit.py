"""`emsearch fit`: what it writes, and what it refuses."""

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


@pytest.fixture
def opened(pooling_index: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return an index that the program opens."""
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


def test_what_is_written_agrees(
    run: Callable[..., Any], opened: Any, particle: Path, blobs: Any, tmp_path: Path
) -> None:
    out = tmp_path / "fitted"
    outcome = run(
        "fit", str(particle), "BLOB1", "-o", str(out), "--modes", "3", "--contrast", "bright", "-f", "json"
    )
    assert outcome.code == 0, outcome.err
    document = json.loads((out / "fit.json").read_text())
    assert document == json.loads(outcome.out)
    assert document["structure"] == "blob1" and document["verdict"] == "not bent"
    ahead = document["pose_log_evidence_ratio"]
    assert document["pose"] == ("settled" if ahead is None or ahead >= 3 else "not settled")
    assert len(document["modes"]) == 3 and document["correlation_after"] > 0.7, document
    assert document["after"]["mirror"] is False and document["after"]["fill"]["uncertainty"] > 0
    for name in ("input.cif", "bent.cif"):
        (model,) = gemmi.read_structure(str(out / name))
        assert model.count_atom_sites() == len(blobs["blob1"])
    with Image.open(out / "fit-steps.png") as steps:
        assert steps.format == "PNG" and getattr(steps, "n_frames", 1) > 1
    assert (out / "fit.png").stat().st_size > 1000
    assert "open bent.cif" in (out / "fit.cxc").read_text() and not (out / "bent-atoms.cif").exists()
    assert "keeps beads, no atoms" in outcome.err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("nobody",), 2, "neither a file nor a structure"),
        (("missing.cif",), 3, "is not there"),
        (("blob1", "--image", "2"), 2, "not within the 1 images"),
        (("blob1", "--modes", "0"), 2, "--modes"),
        (("blob1", "--pixel-size", "-1"), 3, "-1"),
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
    outcome = run("fit", str(particle), *arguments, "-o", str(tmp_path / "fitted"))
    assert outcome.code == code and words in outcome.err
    assert not (tmp_path / "fitted").exists()


def test_inputs_and_outputs_that_cannot_be(
    run: Callable[..., Any], opened: Any, particle: Path, tmp_path: Path
) -> None:
    assert run("fit", str(tmp_path / "none.mrcs"), "blob1", "-o", str(tmp_path / "fitted")).code == 3
    assert run("fit", str(particle), "blob1", "-o", str(tmp_path / "no" / "fitted")).code == 2
    (tmp_path / "bad.cif").write_text("data_X\n")
    outcome = run("fit", str(particle), str(tmp_path / "bad.cif"), "-o", str(tmp_path / "fitted"))
    assert outcome.code == 3 and "holds no atoms" in outcome.err
