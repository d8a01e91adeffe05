import os
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from emsearch.shapes import reading
from emsearch.structures.model import Structure


@pytest.fixture
def compose_mmcif() -> Callable[[int], str]:
    """Return a function that composes the mmCIF text of forty residues of a seed."""

    def compose(seed: int) -> str:
        places = np.random.default_rng(seed).normal(0, 15, (40, 3))
        rows = [
            f"ATOM {k} C CA . ALA A 1 {k} {x:.2f} {y:.2f} {z:.2f} 1 10 1"
            for k, (x, y, z) in enumerate(places, 1)
        ]
        names = (
            "group_PDB id type_symbol label_atom_id label_alt_id label_comp_id label_asym_id label_entity_id"
        )
        names += " label_seq_id Cartn_x Cartn_y Cartn_z occupancy B_iso_or_equiv pdbx_PDB_model_num"
        tags = [f"_atom_site.{name}" for name in names.split()]
        entity = (
            "_entity.id 1\n_entity.type polymer\n_entity_poly.entity_id 1\n_entity_poly.type 'polypeptide(L)'"
        )
        return "\n".join(["data_TEST", entity, "loop_", *tags, *rows, ""])

    return compose


def answer_or_die(path: Path, map_level: float | None) -> str:
    """Stand in for the reader in a worker: some files kill it."""
    if path.name.startswith("bomb"):
        os.kill(os.getpid(), signal.SIGKILL)
    return f"{path.name} at {map_level}"


def test_files_become_structures_or_sentences(tmp_path: Path, compose_mmcif: Callable[[int], str]) -> None:
    texts = {
        "1aaa.cif": compose_mmcif(1),
        "2bad.cif": "data_X\n",
        "3bin.cif": "\0\1",
        "4one.cif": "",
        "5.xyz": "",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    paths = [tmp_path / name for name in texts]
    answers = dict(reading.read_files(paths, map_level=None, workers=1))
    assert answers.keys() == set(paths)
    assert isinstance(answers[paths[0]], Structure)
    for path in paths[1:]:
        answer = answers[path]
        assert isinstance(answer, str)
        assert answer.startswith(path.name) and "\n" not in answer


def test_a_file_that_kills_its_reader_is_left_out_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_read", answer_or_die)
    paths = [tmp_path / name for name in ("a", "bomb", "c", "d", "bomb2", "e")]
    answers = dict(reading.read_files(paths, map_level=0.5, workers=2))
    assert answers.keys() == set(paths)
    for path in paths:
        if path.name.startswith("bomb"):
            assert "was stopped" in str(answers[path])
        else:
            assert answers[path] == f"{path.name} at 0.5"
