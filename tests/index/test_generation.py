"""Generations: publication in one step, kills at every step, and any damage noticed."""

import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emsearch_index.errors import IndexCorruptError, IndexMissingError
from emsearch_index.generation import default_index_dir, generation_name, open_generation, verify
from emsearch_index.manifest import FileEntry, Manifest
from emsearch_index.publication import prune_generations, publish

FILES = {
    "catalogue.duckdb": b"tables" * 50,
    "large/views.faiss": b"vectors" * 40,
    "large/weights.safetensors": b"w",
}


def write_build(folder: Path, marker: str = "") -> dict[str, Path]:
    sources = {}
    for name, content in FILES.items():
        path = folder / f"build{marker}" / name.replace("/", "-")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content + marker.encode())
        sources[name] = path
    return sources


def publish_build(folder: Path, marker: str = "") -> str:
    files = write_build(folder, marker)
    return publish(
        folder / "index", files, configuration={"seed": 1, "m": marker}, versions={"faiss": "1"}
    ).name


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pristine")
    publish_build(folder)
    return folder / "index"


def test_what_is_published_is_opened(tmp_path: Path) -> None:
    name = publish_build(tmp_path)
    generation = open_generation(tmp_path / "index")
    assert generation.name == name
    assert generation.configuration == {"seed": 1, "m": ""}
    assert generation.manifest.versions == {"faiss": "1"}
    for file, content in FILES.items():
        assert generation.file(file).read_bytes() == content
    assert (tmp_path / "index" / "CURRENT").read_text() == f"{name}\n"
    assert verify(tmp_path / "index").ok
    assert {check.state for check in verify(tmp_path / "index").files} == {"ok"}


def test_a_new_generation_leaves_the_old_one(tmp_path: Path) -> None:
    old = open_generation(tmp_path / "index" / publish_build(tmp_path) / "..")
    new = publish_build(tmp_path, "second")
    assert open_generation(tmp_path / "index").name == new != old.name
    assert old.file("catalogue.duckdb").read_bytes() == FILES["catalogue.duckdb"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_flipped_byte_is_noticed(pristine: Path, tmp_path: Path, data: st.DataObject) -> None:
    index = tmp_path / "damaged"
    shutil.rmtree(index, ignore_errors=True)
    shutil.copytree(pristine, index)
    victim = data.draw(st.sampled_from(sorted(path for path in index.rglob("*") if path.is_file())))
    content = bytearray(victim.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    victim.write_bytes(content)
    with pytest.raises(IndexCorruptError):
        generation = open_generation(index)
        assert not verify(index).ok
        for name in FILES:
            generation.file(name)


def test_a_file_changed_after_it_was_checked_is_checked_again(tmp_path: Path) -> None:
    publish_build(tmp_path)
    generation = open_generation(tmp_path / "index")
    path = generation.file("large/weights.safetensors")
    path.write_bytes(b"W")
    with pytest.raises(IndexCorruptError, match="SHA-256"):
        generation.file("large/weights.safetensors")


def test_verify_names_each_fault(tmp_path: Path) -> None:
    folder = tmp_path / "index" / publish_build(tmp_path)
    (folder / "large/views.faiss").unlink()
    (folder / "large/weights.safetensors").write_bytes(b"longer")
    (folder / "stray.txt").write_text("x")
    report = verify(tmp_path / "index")
    assert not report.ok
    assert {check.name: check.state for check in report.files} == {
        "catalogue.duckdb": "ok",
        "large/views.faiss": "missing",
        "large/weights.safetensors": "wrong",
        "stray.txt": "unlisted",
    }


def test_a_log_beside_the_catalogue_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "index" / publish_build(tmp_path)
    (folder / "catalogue.duckdb.wal").write_bytes(b"changes")
    with pytest.raises(IndexCorruptError, match=r"catalogue\.duckdb\.wal beside it"):
        open_generation(tmp_path / "index").file("catalogue.duckdb")
    assert not verify(tmp_path / "index").ok


@pytest.mark.parametrize("substitute", ["fifo", "link", "folder"])
def test_what_is_no_regular_file_is_refused(tmp_path: Path, substitute: str) -> None:
    path = tmp_path / "index" / publish_build(tmp_path) / "catalogue.duckdb"
    path.unlink()
    if substitute == "fifo":
        os.mkfifo(path)
    elif substitute == "link":
        path.symlink_to(tmp_path / "build" / "catalogue.duckdb")
    else:
        path.mkdir()
    with pytest.raises(IndexCorruptError, match="not a regular file"):
        open_generation(tmp_path / "index").file("catalogue.duckdb")


@pytest.mark.parametrize(
    "current",
    [
        "",
        "\n",
        "gen-0123456789abcdef",
        "gen-0123456789abcdef\n",
        "../elsewhere\n",
        "/etc\n",
        "gen-../..\n",
        "é\n",
    ],
)
def test_a_wrong_current_is_refused(tmp_path: Path, current: str) -> None:
    publish_build(tmp_path)
    (tmp_path / "index" / "CURRENT").write_text(current)
    with pytest.raises(IndexCorruptError, match="restore or rebuild the index"):
        open_generation(tmp_path / "index")


def test_a_missing_index_is_named(tmp_path: Path) -> None:
    with pytest.raises(IndexMissingError, match=r"no emsearch index at .*nowhere"):
        open_generation(tmp_path / "nowhere")


def test_files_that_the_manifest_does_not_list_are_not_opened(pristine: Path) -> None:
    with pytest.raises(IndexCorruptError, match=r"no file 'beads\.npz': it lists catalogue\.duckdb"):
        open_generation(pristine).file("beads.npz")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b'"format_version": 1', b'"format_version": 2', "format 2 and this emsearch reads format 1"),
        (b'"catalogue.duckdb"', b'"../../secret"', "leads out of the index"),
        (b'"catalogue.duckdb"', b'"/etc/passwd"', "leads out of the index"),
        (b'"bytes": 300', b'"bytes": -1', "the size of catalogue.duckdb"),
        (b'"created"', b'"creation"', "lacks a part"),
        (b"{", b"[", "not an index manifest"),
    ],
)
def test_a_manifest_that_hashes_well_and_is_wrong_is_refused(
    tmp_path: Path, old: bytes, new: bytes, message: str
) -> None:
    name = publish_build(tmp_path)
    content = (tmp_path / "index" / name / "manifest.json").read_bytes().replace(old, new, 1)
    forged = generation_name(content)
    (tmp_path / "index" / name).rename(tmp_path / "index" / forged)
    (tmp_path / "index" / forged / "manifest.json").write_bytes(content)
    (tmp_path / "index" / "CURRENT").write_text(f"{forged}\n")
    with pytest.raises(IndexCorruptError, match=message):
        open_generation(tmp_path / "index")


@given(
    files=st.dictionaries(
        st.from_regex(r"[a-z]{1,8}(/[a-z]{1,8})?\.[a-z]{3}", fullmatch=True),
        st.builds(FileEntry, st.from_regex(r"[0-9a-f]{64}", fullmatch=True), st.integers(0, 2**60)),
    ),
    configuration=st.dictionaries(st.text(), st.one_of(st.text(), st.integers(), st.none(), st.booleans())),
)
def test_manifests_round_trip(files: dict[str, FileEntry], configuration: dict[str, object]) -> None:
    manifest = Manifest("2026-01-01T00:00:00+00:00", files, configuration, {"duckdb": "2.0.0"})
    assert Manifest.from_json(manifest.to_json()) == manifest


@pytest.mark.parametrize("name", ["../x", "/x", "a/../../x", "", ".", "a//b", "manifest.json", "a\\b", "c:x"])
def test_names_that_lead_out_are_not_published(tmp_path: Path, name: str) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"x")
    with pytest.raises(ValueError, match="cannot be the name of an index file"):
        publish(tmp_path / "index", {name: source}, configuration={}, versions={})


def test_a_publication_that_fails_leaves_no_trace(tmp_path: Path) -> None:
    name = publish_build(tmp_path)
    with pytest.raises(FileNotFoundError):
        publish(tmp_path / "index", {"a": tmp_path / "absent"}, configuration={}, versions={})
    assert sorted(path.name for path in (tmp_path / "index").iterdir()) == ["CURRENT", name]


KILLED_AT = """if True:
    import os, signal, sys
    from pathlib import Path
    folder, function, left = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    from emsearch_index import publication
    owner, name = {"fsync": (os, "fsync"), "rename": (Path, "rename"), "replace": (Path, "replace"),
                   "copyfile": (publication.shutil, "copyfile")}[function]
    original = getattr(owner, name)
    def killing(*arguments, **options):
        global left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
        return original(*arguments, **options)
    setattr(owner, name, killing)
    files = {"a": folder / "a", "b/c": folder / "c"}
    publication.publish(folder / "index", files, configuration={}, versions={})
"""


@pytest.mark.parametrize(
    ("function", "count", "published"),
    [("copyfile", 0, False), ("copyfile", 1, False), ("rename", 0, False), ("replace", 0, False)]
    + [("fsync", count, False) for count in range(7)]
    + [("fsync", 7, True)],
)
def test_killed_at_any_step_the_old_generation_stays_whole(
    tmp_path: Path, function: str, count: int, published: bool
) -> None:
    old = publish_build(tmp_path)
    (tmp_path / "a").write_bytes(b"new" * 1000)
    (tmp_path / "c").write_bytes(b"more" * 1000)
    command = [sys.executable, "-c", KILLED_AT, str(tmp_path), function, str(count)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run(command, env=environment, check=False).returncode == -signal.SIGKILL
    assert (open_generation(tmp_path / "index").name != old) is published
    assert verify(tmp_path / "index").ok
    prune_generations(tmp_path / "index")
    assert not list((tmp_path / "index").glob("*.tmp"))
    assert verify(tmp_path / "index").ok
    publish_build(tmp_path, "afterwards")
    assert verify(tmp_path / "index").ok


def test_publishing_from_several_processes_is_safe(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    with context.Pool(2) as pool:
        names = pool.starmap(publish_build, [(tmp_path, str(number)) for number in range(6)])
    assert len(set(names)) == 6
    assert open_generation(tmp_path / "index").name in names
    assert verify(tmp_path / "index").ok
    assert sorted(path.name for path in (tmp_path / "index").glob("gen-*")) == sorted(names)


def test_prune_keeps_the_current_and_the_newest(tmp_path: Path) -> None:
    names = [publish_build(tmp_path, str(number)) for number in range(4)]
    (tmp_path / "index" / "CURRENT").write_text(f"{names[0]}\n")
    assert set(prune_generations(tmp_path / "index", keep=2)) == set(names[1:3])
    assert {path.name for path in (tmp_path / "index").glob("gen-*")} == {names[0], names[3]}
    with pytest.raises(ValueError, match="keep is 0"):
        prune_generations(tmp_path / "index", keep=0)


def test_the_default_index_is_the_one_that_ships_unless_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EMSEARCH_INDEX", raising=False)
    assert default_index_dir().parts[-2:] == ("emsearch_index", "default")
    monkeypatch.setenv("EMSEARCH_INDEX", "/somewhere/else")
    assert default_index_dir() == Path("/somewhere/else")
