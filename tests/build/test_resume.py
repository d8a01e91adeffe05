"""A build that is killed goes on to the catalogue of one that was not."""

import os
import pickle
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from emsearch.build import BuildSettings, build
from emsearch.build.workspace import Workspace
from emsearch_index.generation import open_generation, verify

Tables = dict[str, list[dict[str, Any]]]
ROOT = Path(__file__).resolve().parents[2]

# Kills itself when it is about to write to a table, or to put a file in its place, for the nth time.
PROGRAM = """
import os, pickle, signal, sys
from pathlib import Path

from emsearch.build import build, grouping
from emsearch_index.catalogue import Catalogue


def killing(function, wanted, nth):
    seen = []

    def wrapped(self, target, *rest):
        if wanted in str(target):
            seen.append(target)
            if len(seen) == nth:
                os.kill(os.getpid(), signal.SIGKILL)
        return function(self, target, *rest)

    return wrapped


def main(inputs, out, settings, stages, action, wanted, nth):
    grouping._PAIRS_SAVED_AT_ONCE = 1
    if action == "write":
        Catalogue.upsert = killing(Catalogue.upsert, wanted, int(nth))
    else:
        Path.replace = killing(Path.replace, wanted, int(nth))
    settings = pickle.loads(Path(settings).read_bytes())
    build([Path(inputs)], Path(out), settings, stages=stages.split(","), report=print)


if __name__ == "__main__":
    main(*sys.argv[1:])
"""

FIRST_KILLS = [
    ("place", "/beads/", 3),  # a bead model is written and not there
    ("write", "structures", 2),  # it is there, its row is not
    ("place", "work/beads.npz", 1),
    ("write", "similarities", 1),
    ("write", "size_classes", 1),  # groups and members are written and not committed
    ("place", "training_set.npz", 1),
]
LAST_KILLS = [
    ("place", "best.pt", 1),
    ("place", "/views/", 3),
    ("place", "views-", 2),  # the vectors of one size class are there
    ("place", "calibration.json", 1),
    ("place", "work/quantities.safetensors", 1),
    ("place", "index/CURRENT", 1),  # the generation is there and nothing names it
]


@pytest.fixture
def build_until_killed(tmp_path: Path, tiny: BuildSettings) -> Callable[..., None]:
    """Return a function that builds in a process of its own until that kills itself."""
    program, settings = tmp_path / "program.py", tmp_path / "settings.pickle"
    program.write_text(PROGRAM, encoding="utf-8")
    settings.write_bytes(pickle.dumps(tiny))
    paths = os.pathsep.join(str(ROOT / part) for part in (".", "index", "cli"))

    def run(inputs: Path, out: Path, stages: str, kill: tuple[str, str, int]) -> None:
        said = tmp_path / "said.txt"
        with said.open("w") as file:
            process = subprocess.Popen(
                [sys.executable, str(program), str(inputs), str(out), str(settings), stages, *map(str, kill)],
                env={**os.environ, "PYTHONPATH": paths},
                stdout=file,
                stderr=file,
                start_new_session=True,
            )
        try:
            assert process.wait(timeout=300) == -signal.SIGKILL, (kill, said.read_text())
        finally:
            with suppress(ProcessLookupError):  # workers that have not noticed yet
                os.killpg(process.pid, signal.SIGKILL)

    return run


def test_ingest_and_group_resume_to_the_same_catalogue(
    built: tuple[Path, Path],
    tmp_path: Path,
    build_until_killed: Callable[..., None],
    tables_of: Callable[[Path], Tables],
    tiny: BuildSettings,
) -> None:
    inputs, out = tmp_path / "inputs", tmp_path / "index"
    shutil.copytree(built[0], inputs)
    for kill in FIRST_KILLS:
        build_until_killed(inputs, out, "ingest,group", kill)
    build([inputs], out, tiny, stages=("ingest", "group"), report=lambda line: None)
    resumed, straight = Workspace(out / "work"), Workspace(built[1] / "work")
    found, expected = tables_of(resumed.catalogue), tables_of(straight.catalogue)
    for name in (
        "structures",
        "chains",
        "left_out",
        "similarities",
        "groups",
        "group_members",
        "size_classes",
    ):
        assert found[name] == expected[name], name
    assert resumed.training_set.read_bytes() == straight.training_set.read_bytes()


def test_the_later_stages_resume_to_the_same_catalogue(
    built: tuple[Path, Path],
    tmp_path: Path,
    build_until_killed: Callable[..., None],
    tables_of: Callable[[Path], Tables],
    tiny: BuildSettings,
) -> None:
    inputs, out = built[0], tmp_path / "index"
    old = Workspace(built[1] / "work")
    work = Workspace(out / "work")
    work.root.mkdir(parents=True)
    shutil.copytree(old.bead_folder, work.bead_folder)
    for path in (old.catalogue, old.beads, old.training_set, old.stamp("ingest"), old.stamp("group")):
        shutil.copy(path, work.root)
    for kill in LAST_KILLS:
        build_until_killed(inputs, out, "train,index,calibrate,quantities,publish", kill)
        assert not (out / "CURRENT").exists()
    build([inputs], out, tiny, report=lambda line: None)
    shutil.rmtree(work.training)  # it is large
    assert verify(out).ok
    resumed, straight = open_generation(out), open_generation(built[1])
    found, expected = (tables_of(one.file("catalogue.duckdb")) for one in (resumed, straight))
    assert found == expected
    assert resumed.configuration["classes"] == straight.configuration["classes"]
    assert resumed.manifest.files.keys() == straight.manifest.files.keys()
