"""Structures added to a built index: what was there stays, what is new is found."""

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emsearch.build import BuildSettings
from emsearch.build.adding import add as adding
from emsearch.build.adding.add import AddReport, add
from emsearch.build.embedding import VIEW_RESOLUTION_ANGSTROM, view_grid
from emsearch.build.workspace import locked
from emsearch.imaging.parameters import clean_parameters
from emsearch.network.checkpoint import load_weights
from emsearch.network.quantities import HEAD_NAME
from emsearch.search.engine import open_index
from emsearch.structures.beads import BeadArchive
from emsearch_index.catalogue import Catalogue
from emsearch_index.errors import IndexMissingError, InputError, UsageError
from emsearch_index.generation import Generation, open_generation, verify
from emsearch_index.vectors import Vectors

Tables = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Grown:
    """An index before and after files were added to it, and what was said of them."""

    folder: Path
    files: Path
    old: Generation
    new: Generation
    report: AddReport
    lines: tuple[str, ...]


def _adding(inputs: Path, index: Path, out: Path | None = None) -> tuple[AddReport, tuple[str, ...]]:
    lines: list[str] = []
    done = add([inputs], index, out, workers=1, device="cpu", report=lines.append)
    return done, tuple(lines)


def _enlarged(mmcif: str, factor: float) -> str:
    """Return an mmCIF text with its coordinates multiplied."""
    return re.sub(
        r"(?m)^(ATOM.* \d+) (\S+) (\S+) (\S+) 1 10",
        lambda m: " ".join([m[1], *(f"{factor * float(m[k]):.3f}" for k in (2, 3, 4)), "1 10"]),
        mmcif,
    )


@pytest.fixture(scope="module")
def copy_index(
    built: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[], tuple[Path, Path]]:
    """Return a function that gives an empty folder for files and a copy of the built index."""

    def copy() -> tuple[Path, Path]:
        folder = tmp_path_factory.mktemp("grown")
        (folder / "files").mkdir()
        shutil.copytree(built[1], folder / "index", ignore=shutil.ignore_patterns("work"))
        return folder / "files", folder / "index"

    return copy


@pytest.fixture(scope="module")
def grown(
    built: tuple[Path, Path],
    copy_index: Callable[[], tuple[Path, Path]],
    compose_mmcif: Callable[[int], str],
) -> Grown:
    """Add a twin of 1aaa, a new shape, and five files that cannot join."""
    files, index = copy_index()
    shutil.copy(built[0] / "1aaa.cif", files / "2twin.cif")
    shutil.copy(built[0] / "1ccc.cif", files)
    (files / "2new.cif").write_text(_enlarged(compose_mmcif(21), 2.0))
    (files / "2new.mmcif").write_text(compose_mmcif(22))
    (files / "2bad.cif").write_text("data_X\n")
    (files / "2vast.cif").write_text(_enlarged(compose_mmcif(23), 9.0))
    (files / "1bbb.cif").write_text(compose_mmcif(24))
    old = open_generation(index)
    report, lines = _adding(files, index)
    return Grown(index, files, old, open_generation(index), report, lines)


def test_a_twin_joins_its_group_and_a_new_shape_makes_one(grown: Grown) -> None:
    added = {one.structure: one for one in grown.report.added}
    assert added.keys() == {"2twin", "2new"}
    assert (added["2twin"].group, added["2twin"].new_group) == ("G0001", False)
    assert added["2twin"].similarity > 0.9
    assert (added["2new"].group, added["2new"].new_group) == ("G0006", True)
    assert added["2new"].size_class == "d130-320"
    assert grown.report.generation == grown.new.name != grown.old.name
    assert grown.report.present == ("1ccc",)


def test_every_file_that_is_left_out_is_one_clear_line(
    grown: Grown, tables_of: Callable[[Path], Tables]
) -> None:
    said = {line.split()[2].rstrip(":"): line for line in grown.lines if line.startswith("left out: ")}
    assert said.keys() == {"1bbb.cif", "2bad.cif", "2new.mmcif", "2vast.cif"}
    assert "other content" in said["1bbb.cif"] and "rename" in said["1bbb.cif"]
    assert "2new.cif" in said["2new.mmcif"]
    assert "size classes" in said["2vast.cif"] and "build the index anew" in said["2vast.cif"]
    assert "in the index already: 1ccc" in grown.lines
    rows = tables_of(grown.new.file("catalogue.duckdb"))["left_out"]
    assert {row["source"] for row in rows} == said.keys()


def test_what_was_there_stays(grown: Grown, tables_of: Callable[[Path], Tables]) -> None:
    assert verify(grown.folder).ok
    assert not (grown.folder / "adding").exists()
    old, new = (tables_of(one.file("catalogue.duckdb")) for one in (grown.old, grown.new))
    for name in ("structures", "chains", "group_members", "similarities", "size_classes", "views"):
        missing = [row for row in old[name] if row not in new[name]]
        assert missing == [], name
    counts = {row["id"]: row["members"] for row in new["groups"]}
    assert [{**row, "members": counts[row["id"]]} for row in old["groups"]] == new["groups"][:5]
    assert counts == {"G0001": 3, "G0002": 1, "G0003": 1, "G0004": 1, "G0005": 1, "G0006": 1}
    for size_class in ("d0-130", "d130-320"):
        before, after = (
            Vectors.open(one.file(f"views-{size_class}.faiss")) for one in (grown.old, grown.new)
        )
        ids = np.arange(len(before))
        np.testing.assert_array_equal(before.reconstruct(ids), after.reconstruct(ids))
    beads, more = (BeadArchive(one.file("beads.npz")) for one in (grown.old, grown.new))
    assert set(more) == {*beads, "2twin", "2new"}
    for name in beads:
        np.testing.assert_array_equal(beads.array(f"beads/{name}"), more.array(f"beads/{name}"))


def test_the_network_has_a_direction_more_and_is_the_same_otherwise(grown: Grown) -> None:
    old, new = (load_weights(one.file("weights.safetensors")) for one in (grown.old, grown.new))
    assert old.keys() == new.keys()
    assert len(new["proxies"]) == len(old["proxies"]) + 1
    np.testing.assert_array_equal(new["proxies"][:-1], old["proxies"])
    for name in old.keys() - {"proxies"}:
        np.testing.assert_array_equal(new[name], old[name])


def test_the_configuration_tells_what_was_added(grown: Grown) -> None:
    old, new = grown.old.configuration, grown.new.configuration
    assert new["groups"] == [*old["groups"], "G0006"]
    assert new["added_groups"] == ["G0006"]
    assert new["added_structures"] == ["2twin", "2new"]
    assert new["calibration"] == old["calibration"]
    assert new["quantities"] == old["quantities"]
    head = grown.new.file(HEAD_NAME)
    assert head.read_bytes() == grown.old.file(HEAD_NAME).read_bytes()
    assert "evaluation" not in new
    with Catalogue(grown.new.file("catalogue.duckdb")) as catalogue:
        (row,) = catalogue.rows("SELECT config FROM builds WHERE generation LIKE 'add-%'")
    assert row["config"] == '{"added": {"2new": "G0006", "2twin": "G0001"}}'


def test_new_structures_are_seen_as_those_of_a_build(
    grown: Grown, tables_of: Callable[[Path], Tables], tiny: BuildSettings
) -> None:
    tables = tables_of(grown.new.file("catalogue.duckdb"))
    for structure, group, fills in (("2new", "G0006", tiny.fills), ("2twin", "G0001", tiny.member_fills)):
        views = [row for row in tables["views"] if row["structure_id"] == structure]
        assert sorted({row["fill"] for row in views}) == pytest.approx(sorted(fills))
        assert len(views) == 12 * len(fills)
        assert {row["group_id"] for row in views} == {group}
    for size_class in ("d0-130", "d130-320"):
        ids = [row["vector_id"] for row in tables["views"] if row["size_class"] == size_class]
        vectors = Vectors.open(grown.new.file(f"views-{size_class}.faiss"))
        assert sorted(ids) == list(range(len(vectors)))
        assert grown.new.configuration["vectors"][size_class]["vectors"] == len(ids)
    (row,) = (row for row in tables["groups"] if row["id"] == "G0006")
    assert (row["representative_id"], row["name"]) == ("2new", "Particle of seed 21")
    assert [row["group_id"] for row in tables["structures"] if row["id"] == "2twin"] == ["G0001"]
    pairs = {(row["structure_a"], row["structure_b"]): row["score"] for row in tables["similarities"]}
    assert pairs["1aaa", "2twin"] > 0.999
    assert min(pairs["1aaa", "2twin"], pairs["1aab", "2twin"]) >= tiny.threshold


def test_a_twin_is_laid_on_the_representative(grown: Grown) -> None:
    beads = BeadArchive(grown.new.file("beads.npz"))
    with Catalogue(grown.new.file("catalogue.duckdb")) as catalogue:
        (row,) = catalogue.rows(
            "SELECT m.*, g.representative_id FROM group_members m JOIN groups g ON g.id = m.group_id "
            "WHERE m.structure_id = '2twin'"
        )
    flip = np.array([1, 1, -1 if row["mirror"] else 1])
    rotation = np.array(row["rotation"]).reshape(3, 3)
    laid = (beads["2twin"].centroid_angstrom * flip) @ rotation.T + row["translation_angstrom"]
    apart = np.linalg.norm(laid - beads[row["representative_id"]].centroid_angstrom, axis=1)
    assert apart.mean() < 4.0  # its twin was shaken by 1 A an axis


def test_an_image_of_an_added_structure_is_nearest_to_its_views(grown: Grown, tiny: BuildSettings) -> None:
    index = open_index(grown.folder, device="cpu")
    (size_class,) = (c for c in index.classes if c.name == "d130-320")
    grid = view_grid(tiny.nside, tiny.fills)
    drawn = index.simulator(["2new"]).micrographs(
        np.zeros(len(grid), np.int64),
        clean_parameters(grid.quaternion, resolution_angstrom=VIEW_RESOLUTION_ANGSTROM).with_values(
            fill=grid.fill
        ),
        np.full(len(grid), size_class.pixel_size_angstrom),
        size_class.box_px,
        0,
    )
    similarity, nearest = size_class.neighbours.nearest(index.embed(drawn.images), 1)
    found = [index.structures[k] for k in size_class.structure_of_vector[nearest[:, 0]]]
    assert found == ["2new"] * len(grid)
    assert {index.groups[k].id for k in size_class.group_of_vector[nearest[:, 0]]} == {"G0006"}
    assert similarity.min() > 0.99


def test_a_second_addition_goes_on_and_the_first_files_are_passed_over(
    grown: Grown, compose_mmcif: Callable[[int], str], tmp_path: Path
) -> None:
    index = tmp_path / "index"
    again, lines = _adding(grown.files / "2new.cif", grown.folder, index)
    assert (again.added, again.present, again.generation) == ((), ("2new",), grown.new.name)
    assert "nothing is new, and nothing was published" in lines
    assert not index.exists()
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "3new.cif").write_text(compose_mmcif(31))
    shutil.copy(grown.files / "2new.cif", tmp_path / "files" / "3twin.cif")
    done, _ = _adding(tmp_path / "files", grown.folder, index)
    assert {one.structure: (one.group, one.new_group) for one in done.added} == {
        "3twin": ("G0006", False),
        "3new": ("G0007", True),
    }
    assert verify(index).ok
    assert open_generation(grown.folder).name == grown.new.name
    generation = open_generation(index)
    assert generation.configuration["added_groups"] == ["G0006", "G0007"]
    assert len(open_index(index, device="cpu").groups) == 7


def test_an_interrupted_addition_leaves_the_index_as_it_was(
    copy_index: Callable[[], tuple[Path, Path]],
    built: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    files, index = copy_index()
    shutil.copy(built[0] / "1bbb.cif", files / "2twin.cif")
    before = {path: path.read_bytes() for path in index.rglob("*") if path.is_file()}
    (index / "adding").mkdir()
    (index / "adding" / "catalogue.duckdb").write_bytes(b"left by one that was killed")
    (index / "adding" / "catalogue.duckdb.tmp").mkdir()

    def interrupted(*given: Any, **named: Any) -> Generation:
        raise KeyboardInterrupt

    monkeypatch.setattr(adding, "publish", interrupted)
    with pytest.raises(KeyboardInterrupt):
        _adding(files, index)
    assert {path: path.read_bytes() for path in index.rglob("*") if path.is_file()} == before
    assert not (index / "adding").exists()


def test_what_cannot_be_added_is_refused(
    copy_index: Callable[[], tuple[Path, Path]], built: tuple[Path, Path], tmp_path: Path
) -> None:
    files, index = copy_index()
    (files / "2bad.cif").write_text("data_X\n")
    with pytest.raises(InputError, match=r"none of the 1 files could be added.*2bad\.cif"):
        _adding(files, index)
    with pytest.raises(InputError, match="not there"):
        _adding(files / "nothing.cif", index)
    with pytest.raises(IndexMissingError):
        _adding(files, tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()
    with pytest.raises(UsageError, match="holds an index already"):
        _adding(files, index, built[1])
    with pytest.raises(UsageError, match="is a file"):
        _adding(files, index, files / "2bad.cif")
    with pytest.raises(UsageError, match="cannot be written to"):
        _adding(files, index, files / "2bad.cif" / "index")
    (tmp_path / "held" / "adding").mkdir(parents=True)
    with locked(tmp_path / "held" / "adding"), pytest.raises(UsageError, match="another build"):
        _adding(files, index, tmp_path / "held")
