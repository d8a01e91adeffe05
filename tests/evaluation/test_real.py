from pathlib import Path
from typing import TYPE_CHECKING

import mrcfile
import numpy as np
import pytest

from emsearch.evaluation.real import evaluate_real, read_labels
from emsearch.imaging.parameters import clean_parameters
from emsearch.imaging.rotations import random_quaternions
from emsearch_index.errors import InputError

if TYPE_CHECKING:
    from emsearch.search.engine import SearchIndex

HEADER = "name\tmolecule\taccepted_pdb_ids\tpixel_angstrom\tcontrast\tscored\n"


@pytest.fixture
def folder(pooling_index: "SearchIndex", tmp_path: Path) -> Path:
    """Return a folder with three images of blob2, and a row that is not scored."""
    rng = np.random.default_rng(5)
    parameters = clean_parameters(random_quaternions(rng, 3)).with_values(snr=5)
    simulator = pooling_index.simulator(["blob2"])
    shot = simulator.micrographs(np.zeros(3, np.int64), parameters, np.full(3, 4.5), 64, 0)
    with mrcfile.new(tmp_path / "two.mrcs", data=shot.micrographs.numpy().astype(np.float32)) as file:
        file.set_image_stack()
    rows = "two\tblob\tXXXX, BLOB2\t4.5\tbright\tyes\nnowhere\t?\tblob1\t0\tbright\tno\n"
    (tmp_path / "manifest.tsv").write_text(HEADER + rows)
    return tmp_path


def test_each_image_and_the_set_are_ranked(pooling_index: "SearchIndex", folder: Path) -> None:
    said: list[str] = []
    scores = evaluate_real(pooling_index, folder, report=said.append)
    assert [s.image for s in scores] == ["1", "2", "3", "all"]
    assert all(s.in_index for s in scores)
    assert scores[-1].rank == 1 and scores[-1].first == "blob2"
    assert scores[-1].probability >= max(s.probability for s in scores[:-1]) - 1e-6
    assert said == ["two.mrcs: right group first in 3 of 3 images, rank 1 as a set"]


def test_a_molecule_that_the_index_lacks_has_no_rank(pooling_index: "SearchIndex", folder: Path) -> None:
    (folder / "manifest.tsv").write_text(HEADER + "two\tother\t9zzz\t4.5\tbright\tyes\n")
    scores = evaluate_real(pooling_index, folder)
    assert {(s.in_index, s.rank) for s in scores} == {(False, None)}


def test_labels_are_read_as_written(folder: Path) -> None:
    (label,) = read_labels(folder)
    assert label.accepted == ("xxxx", "blob2")
    assert label.pixel_size_angstrom == 4.5
    (folder / "manifest.tsv").write_text(HEADER + "two\tblob\tblob2\t0\t\tyes\n")
    (label,) = read_labels(folder)
    assert (label.pixel_size_angstrom, label.contrast) == (None, "auto")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read"),
        ("", "has no rows"),
        ("name\tmolecule\ntwo\tblob\n", "lacks the columns accepted_pdb_ids"),
        (HEADER + "gone\tblob\tblob2\t4.5\tbright\tyes\n", "no such stack"),
        (HEADER + "two\tblob\tblob2\tsmall\tbright\tyes\n", "pixel size 'small'"),
    ],
)
def test_a_bad_manifest_says_what_is_wrong(folder: Path, content: str | None, message: str) -> None:
    manifest = folder / "manifest.tsv"
    if content is None:
        manifest.unlink()
    else:
        manifest.write_text(content)
    with pytest.raises(InputError, match=message):
        read_labels(folder)
