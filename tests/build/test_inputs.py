import os
from pathlib import Path

import pytest

from emsearch.build.inputs import find_sources, structure_files
from emsearch_index.errors import InputError


def test_folders_are_scanned_once_and_sorted_by_name(tmp_path: Path) -> None:
    for name in ("b/2xyz.cif.gz", "a/9abc.pdb", "a/notes.txt", "a/inner/1in.cif", "a/own.map"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    found = structure_files([tmp_path / "b", tmp_path / "a", tmp_path / "a" / "9abc.pdb"])
    assert [path.name for path in found] == ["2xyz.cif.gz", "9abc.pdb", "own.map"]


@pytest.mark.parametrize("name", ["missing.cif", "notes.txt", "empty"])
def test_what_is_no_structure_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=name):
        structure_files([tmp_path / name])


def test_sources_have_hashes_and_names_that_differ(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "1ABC.cif").write_text(folder)
    os.mkfifo(tmp_path / "a" / "pipe.cif")
    (tmp_path / "a" / "lost.cif").symlink_to(tmp_path / "nowhere.cif")
    sources = find_sources([tmp_path / "a", tmp_path / "b"])
    assert [source.structure for source in sources] == ["1abc", "1abc", "lost", "pipe"]
    assert len({source.name for source in sources}) == 4
    assert [source.sha256 is None for source in sources] == [False, False, True, True]
    assert sources[0].sha256 != sources[1].sha256
