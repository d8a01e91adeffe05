import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from emsearch.build import STAGES, BuildSettings, build, plan
from emsearch.build.publishing import _settings
from emsearch.build.workspace import Workspace, locked
from emsearch.network.checkpoint import load_weights
from emsearch.network.quantities import HEAD_NAME, QUANTITIES, load_head
from emsearch.network.training_set import read_training_set
from emsearch.search.engine import open_index
from emsearch.structures.beads import BeadArchive
from emsearch_index.catalogue import Catalogue
from emsearch_index.errors import InputError, UsageError
from emsearch_index.generation import open_generation, verify
from emsearch_index.vectors import Vectors

Tables = dict[str, list[dict[str, Any]]]
GROUPED = ("ingest", "group")


@pytest.fixture
def grouped(tmp_path: Path, built: tuple[Path, Path]) -> tuple[Path, Path]:
    """Return inputs and index of a build that went as far as the groups, to be changed at will."""
    later = (
        "train*",
        "index.json",
        "publish.json",
        "calibrat*",
        "quantities*",
        "views*",
        "weights*",
        "gen-*",
        "CURRENT",
    )
    shutil.copytree(built[0], tmp_path / "inputs")
    shutil.copytree(
        built[1],
        tmp_path / "index",
        ignore=lambda folder, names: (
            set(shutil.ignore_patterns(*later)(folder, names)) - {"training_set.npz"}
        ),
    )
    return tmp_path / "inputs", tmp_path / "index"


def test_the_generation_is_whole_and_agrees_with_itself(
    built: tuple[Path, Path], tables_of: Callable[[Path], Tables]
) -> None:
    assert verify(built[1]).ok
    generation = open_generation(built[1])
    tables = tables_of(generation.file("catalogue.duckdb"))
    groups = [row["id"] for row in tables["groups"]]
    assert generation.configuration["groups"] == groups
    assert len(load_weights(generation.file("weights.safetensors"))["proxies"]) == len(groups)
    assert set(BeadArchive(generation.file("beads.npz"))) == {row["id"] for row in tables["structures"]}
    assert {row["size_class"] for row in tables["views"]} == {row["name"] for row in tables["size_classes"]}
    for size_class in tables["size_classes"]:
        ids = [row["vector_id"] for row in tables["views"] if row["size_class"] == size_class["name"]]
        vectors = Vectors.open(generation.file(f"views-{size_class['name']}.faiss"))
        assert sorted(ids) == list(range(len(vectors)))
        assert generation.configuration["vectors"][size_class["name"]]["vectors"] == len(ids)
    with Catalogue(generation.file("catalogue.duckdb")) as catalogue:
        (row,) = catalogue.rows("SELECT config FROM builds")
    assert json.loads(row["config"])["training"]["images"] == 64
    assert {"training.png", "training.parquet"} <= generation.manifest.files.keys()


def test_the_search_opens_it(built: tuple[Path, Path]) -> None:
    index = open_index(built[1], device="cpu")
    assert [group.id for group in index.groups] == ["G0001", "G0002", "G0003", "G0004", "G0005"]
    assert [size_class.name for size_class in index.classes] == ["d0-130", "d130-320"]


def test_every_structure_is_seen_from_every_side_at_every_fill(
    built: tuple[Path, Path], tables_of: Callable[[Path], Tables], tiny: BuildSettings
) -> None:
    tables = tables_of(open_generation(built[1]).file("catalogue.duckdb"))
    representatives = {row["representative_id"] for row in tables["groups"]}
    for structure in tables["structures"]:
        views = [row for row in tables["views"] if row["structure_id"] == structure["id"]]
        fills = tiny.fills if structure["id"] in representatives else tiny.member_fills
        assert sorted({row["fill"] for row in views}) == pytest.approx(sorted(fills))
        assert len(views) == 12 * len(fills)
        assert {row["group_id"] for row in views} == {structure["group_id"]}


def test_alike_particles_make_a_group_and_its_members_are_laid_on_its_representative(
    built: tuple[Path, Path], tables_of: Callable[[Path], Tables]
) -> None:
    generation = open_generation(built[1])
    tables = tables_of(generation.file("catalogue.duckdb"))
    assert [row["members"] for row in tables["groups"]] == [2, 1, 1, 1, 1]
    first = tables["groups"][0]
    assert first["id"] == "G0001" and first["name"] == f"Particle {first['representative_id']}"
    assert [row["name"] for row in tables["groups"] if row["representative_id"] == "1eee_map"] == [
        "density map 1eee"
    ]
    pair = {row["structure_id"]: row for row in tables["group_members"] if row["group_id"] == "G0001"}
    assert pair.keys() == {"1aaa", "1aab"}
    beads = BeadArchive(generation.file("beads.npz"))
    other = next(name for name in pair if name != first["representative_id"])
    rotation = np.array(pair[other]["rotation"]).reshape(3, 3)
    flip = np.array([1, 1, -1 if pair[other]["mirror"] else 1])
    laid = (beads[other].centroid_angstrom * flip) @ rotation.T + pair[other]["translation_angstrom"]
    apart = np.linalg.norm(laid - beads[first["representative_id"]].centroid_angstrom, axis=1)
    assert apart.mean() < 4.0  # shaken by 1 A an axis
    assert pair[other]["similarity"] == tables["similarities"][0]["score"] > 0.9


def test_the_training_set_has_the_groups_of_the_catalogue(
    built: tuple[Path, Path], tables_of: Callable[[Path], Tables]
) -> None:
    work = Workspace(built[1] / "work")
    tables = tables_of(work.catalogue)
    training_set = read_training_set(work.training_set)
    group_of = dict(zip(training_set.structures, training_set.group_of_structure.tolist(), strict=True))
    for row in tables["structures"]:
        assert training_set.groups[group_of[row["id"]]] == row["group_id"]
    for row, representative in zip(tables["groups"], training_set.representative.tolist(), strict=True):
        assert training_set.structures[representative] == row["representative_id"]


def test_nothing_is_done_twice(built: tuple[Path, Path], tiny: BuildSettings) -> None:
    inputs, out = built
    files = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}
    again = build([inputs], out, tiny, report=lambda line: None)
    assert [(stage.name, stage.ran) for stage in again.stages] == [(name, False) for name in STAGES]
    assert again.generation == open_generation(out).name
    assert (again.structures, again.groups, again.left_out) == (6, 5, 0)
    kept = {path for path in files if path.suffix != ".json" or "gen-" in str(path)}
    assert {path for path in kept if path.stat().st_mtime_ns != files[path]} == set()


def test_unusable_files_are_left_out_and_the_build_goes_on(
    grouped: tuple[Path, Path],
    compose_mmcif: Callable[[int], str],
    tables_of: Callable[[Path], Tables],
    tiny: BuildSettings,
) -> None:
    inputs, out = grouped
    before = tables_of(out / "work" / "catalogue.duckdb")
    (inputs / "2bad.cif").write_text("data_X\n")
    (inputs / "3cut.cif.gz").write_bytes(b"\x1f\x8b\x08")
    (inputs / "1aaa.pdb").write_text("END\n")
    (inputs / "1fff.ent").write_text("END\n")
    (inputs / "pdb1fff.ent").symlink_to(inputs / "nowhere.ent")
    done = build([inputs], out, tiny, stages=("ingest",), report=lambda line: None)
    assert (done.structures, done.left_out) == (6, 5)
    after = tables_of(out / "work" / "catalogue.duckdb")
    reasons = {row["source"]: row["reason"] for row in after["left_out"]}
    assert reasons.keys() == {"2bad.cif", "3cut.cif.gz", "1aaa.pdb", "1fff.ent", "pdb1fff.ent"}
    assert "1aaa.cif" in reasons["1aaa.pdb"]
    assert all("\n" not in reason for reason in reasons.values())
    for name in ("structures", "chains", "similarities", "group_members"):
        assert after[name] == before[name]


def test_the_second_file_of_a_structure_stands_in_where_the_first_is_unusable(
    grouped: tuple[Path, Path],
    compose_mmcif: Callable[[int], str],
    tables_of: Callable[[Path], Tables],
    tiny: BuildSettings,
) -> None:
    inputs, out = grouped
    (inputs / "1ggg.cif").write_text("data_X\n")
    (inputs / "1ggg.mmcif").write_text(compose_mmcif(7))
    build([inputs], out, tiny, stages=("ingest",), report=lambda line: None)
    tables = tables_of(out / "work" / "catalogue.duckdb")
    assert [row["source"] for row in tables["structures"] if row["id"] == "1ggg"] == ["1ggg.mmcif"]
    assert [row["source"] for row in tables["left_out"]] == ["1ggg.cif"]


def test_a_changed_and_a_removed_file_come_to_what_a_fresh_build_comes_to(
    grouped: tuple[Path, Path],
    compose_mmcif: Callable[[int], str],
    tables_of: Callable[[Path], Tables],
    tiny: BuildSettings,
    tmp_path: Path,
) -> None:
    inputs, out = grouped
    (inputs / "1aab.cif").write_text(compose_mmcif(8))
    (inputs / "1ccc.cif").unlink()
    done = build([inputs], out, tiny, stages=GROUPED, report=lambda line: None)
    assert (done.structures, done.groups) == (5, 5)
    build([inputs], tmp_path / "fresh", tiny, stages=GROUPED, report=lambda line: None)
    fresh = Workspace(tmp_path / "fresh" / "work")
    found, expected = tables_of(out / "work" / "catalogue.duckdb"), tables_of(fresh.catalogue)
    assert found.pop("views") and not expected.pop("views")  # the old ones stay until they are made anew
    assert found == expected
    for path in (fresh.beads, fresh.training_set):
        assert (out / "work" / path.name).read_bytes() == path.read_bytes()


def test_only_maps_are_read_again_at_another_level(grouped: tuple[Path, Path], tiny: BuildSettings) -> None:
    inputs, out = grouped
    work = Workspace(out / "work")
    before = {path.stem: path.stat().st_mtime_ns for path in work.bead_folder.iterdir()}
    other = dataclasses.replace(tiny, map_level=0.8)
    build([inputs], out, other, stages=("ingest",), report=lambda line: None)
    after = {path.stem: path.stat().st_mtime_ns for path in work.bead_folder.iterdir()}
    assert {name for name in before if before[name] != after[name]} == {"1eee_map"}
    with Catalogue(work.catalogue) as catalogue:
        (row,) = catalogue.rows("SELECT notes FROM structures WHERE id = '1eee_map'")
    assert "0.8 (given)" in row["notes"]


def test_another_threshold_compares_nothing_anew(
    grouped: tuple[Path, Path], tables_of: Callable[[Path], Tables], tiny: BuildSettings
) -> None:
    inputs, out = grouped
    before = tables_of(out / "work" / "catalogue.duckdb")
    lines: list[str] = []
    other = dataclasses.replace(tiny, threshold=1.0)
    done = build([inputs], out, other, stages=GROUPED, report=lines.append)
    assert done.groups == 6
    assert not any("pairs compared" in line for line in lines)
    assert tables_of(out / "work" / "catalogue.duckdb")["similarities"] == before["similarities"]


def test_a_stage_without_the_one_before_is_refused(
    grouped: tuple[Path, Path], compose_mmcif: Callable[[int], str], tiny: BuildSettings
) -> None:
    inputs, out = grouped
    with pytest.raises(UsageError, match="needs the stage train"):
        build([inputs], out, tiny, stages=("index",), report=lambda line: None)
    (inputs / "1hhh.cif").write_text(compose_mmcif(11))
    build([inputs], out, tiny, stages=("ingest",), report=lambda line: None)
    with pytest.raises(UsageError, match="needs the stage group"):
        build([inputs], out, tiny, stages=("train",), report=lambda line: None)


def test_what_cannot_be_built_is_refused(tmp_path: Path, tiny: BuildSettings) -> None:
    def attempt(inputs: list[Path], out: Path, stages: tuple[str, ...] = STAGES) -> None:
        build(inputs, out, tiny, stages=stages, report=lambda line: None)

    (tmp_path / "1bad.cif").write_text("data_X\n")
    with pytest.raises(InputError, match="not there"):
        attempt([tmp_path / "nothing"], tmp_path / "index")
    with pytest.raises(InputError, match=r"none of the 1 files.*1bad\.cif"):
        attempt([tmp_path], tmp_path / "index")
    with pytest.raises(UsageError, match="is a file"):
        attempt([tmp_path], tmp_path / "1bad.cif")
    with pytest.raises(UsageError, match="bake"):
        attempt([tmp_path], tmp_path / "index", ("ingest", "bake"))
    with locked(tmp_path / "index" / "work"), pytest.raises(UsageError, match="another build"):
        attempt([tmp_path], tmp_path / "index")
    with pytest.raises(UsageError, match="threshold"):
        BuildSettings(threshold=0.0)
    with pytest.raises(UsageError, match="fills"):
        BuildSettings(fills=())


def test_measured_figures_are_published_with_the_next_generation(
    built: tuple[Path, Path], tmp_path: Path, tiny: BuildSettings
) -> None:
    out = tmp_path / "index"
    shutil.copytree(built[1], out, ignore=shutil.ignore_patterns("training"))
    figures = [{"set": "trained", "top1": 0.5}]
    (out / "work" / "evaluation.json").write_text(json.dumps(figures))
    first = open_generation(out)
    done = build([built[0]], out, tiny, stages=("publish",), report=lambda line: None)
    second = open_generation(out)
    assert done.generation == second.name != first.name
    assert second.configuration["evaluation"] == figures
    assert "evaluation" not in first.configuration
    assert second.configuration["groups"] == first.configuration["groups"]


def test_what_reads_quantities_is_fitted_and_published(
    built: tuple[Path, Path], tmp_path: Path, tiny: BuildSettings
) -> None:
    generation = open_generation(built[1])
    told = {"images": tiny.quantity_images, "seed": tiny.seed + 2}
    assert generation.configuration["quantities"] == told
    assert len(load_head(generation.file(HEAD_NAME)).mean) == len(QUANTITIES)
    out = tmp_path / "index"
    shutil.copytree(built[1], out, ignore=shutil.ignore_patterns("training"))
    said: list[str] = []
    stages = ("calibrate", "quantities", "publish")
    without = dataclasses.replace(tiny, quantity_images=0)
    build([built[0]], out, without, stages=stages, report=said.append)
    assert "calibrate: nothing has changed" in said
    bare = open_generation(out)
    assert HEAD_NAME not in bare.manifest.files and "quantities" not in bare.configuration
    with pytest.raises(UsageError, match="too few"):
        BuildSettings(quantity_images=3)


def test_a_plan_counts_files_and_images(tmp_path: Path, write_inputs: Callable[[Path], Path]) -> None:
    inputs = write_inputs(tmp_path / "inputs")
    settings = BuildSettings(training_images=1000, nside=4, fills=(1.0, 0.5), workers=1)
    found = plan([inputs], settings)
    assert (found.files, found.images) == (6, 1000 + 6 * 192 * 2 + 20_000)
    assert 0.5 < found.gigabytes < 2.0
    more = plan([inputs], dataclasses.replace(settings, training_images=10_000_000))
    assert more.hours > found.hours


def test_an_index_keeps_the_name_of_the_weights_it_began_with_and_not_their_folder() -> None:
    given = BuildSettings(pretrained="/home/someone/weights.safetensors")
    named = [
        _settings(cast(Any, SimpleNamespace(settings=s)))["pretrained"] for s in (given, BuildSettings())
    ]
    assert named == ["weights.safetensors", None]


def test_no_images_to_train_on_want_weights_to_take() -> None:
    assert BuildSettings(training_images=0, pretrained="weights.safetensors").training_settings().images == 0
    with pytest.raises(UsageError, match="found 0 training images"):
        BuildSettings(training_images=0)
