"""Four made-up structures, from mmCIF files to answers on the command line, and everything that may go wrong."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from emsearch.build import BuildSettings, build
from emsearch.network.settings import TrainingSettings
from emsearch_cli.app import app
from emsearch_index.generation import open_generation, verify

ROOT = Path(__file__).resolve().parents[1]
SETTINGS = BuildSettings(
    training_images=128,
    calibration_images=12,
    quantity_images=24,
    nside=1,
    fills=(1.0, 0.6),
    workers=1,
    device="cpu",
    training=TrainingSettings(batch=64, stages=((1.0, 32),), validation_images=64),
)
_ATOM_TAGS = (
    *("group_PDB", "id", "type_symbol", "label_atom_id", "label_alt_id", "label_comp_id", "label_asym_id"),
    *("label_entity_id", "label_seq_id", "Cartn_x", "Cartn_y", "Cartn_z", "occupancy", "B_iso_or_equiv"),
    *("auth_seq_id", "auth_asym_id", "pdbx_PDB_model_num"),
)
_HEADER = """data_TEST
_struct.title 'A made-up {name}'
loop_
_entity.id
_entity.type
1 polymer
loop_
_entity_poly.entity_id
_entity_poly.type
1 'polypeptide(L)'
loop_
_struct_asym.id
_struct_asym.entity_id
A 1
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Exit code, standard output and standard error of one command."""

    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Example:
    """The index, and a simulated image of the rod: stack and STAR file."""

    index: Path
    stack: Path


def mmcif(name: str, place: NDArray[np.float64]) -> str:
    """Compose a chain of alanines, one C-alpha each, at (n, 3) A."""
    atoms = [
        f"ATOM {k} C CA . ALA A 1 {k} {x:.3f} {y:.3f} {z:.3f} 1 10 {k} A 1"
        for k, (x, y, z) in enumerate(place.tolist(), start=1)
    ]
    tags = [f"_atom_site.{tag}" for tag in _ATOM_TAGS]
    return _HEADER.format(name=name) + "\n".join(["loop_", *tags, *atoms]) + "\n"


def shapes() -> dict[str, NDArray[np.float64]]:
    """Return C-alpha positions (n, 3) of a rod, a ring, a globule, and an L that is too long for their size class."""
    rng = np.random.default_rng(0)
    angle = np.linspace(0, 2 * np.pi, 150, endpoint=False)
    length = np.linspace(0, 110, 120)
    ball = rng.normal(size=(160, 3))
    ball *= (24 * rng.random(160) ** (1 / 3) / np.linalg.norm(ball, axis=1))[:, None]
    rod = np.stack([6 * np.cos(length), 6 * np.sin(length), length], 1)
    arm = np.stack([8 * np.cos(length), 8 * np.sin(length), 1.3 * length], 1)
    return {
        "rod": rod,
        "ring": np.stack([45 * np.cos(angle), 45 * np.sin(angle), 5 * np.sin(7 * angle)], 1),
        "globule": ball,
        "ell": np.concatenate([arm, arm[:, [2, 0, 1]]]),
    }


def in_process(capsys: pytest.CaptureFixture[str], *arguments: object) -> Outcome:
    capsys.readouterr()
    with pytest.raises(SystemExit) as end:
        app([str(argument) for argument in arguments], prog_name="emsearch")
    captured = capsys.readouterr()
    code = end.value.code
    return Outcome(code if isinstance(code, int) else 0, captured.out, captured.err)


def as_user(*arguments: object) -> Outcome:
    """Run the program as a user would, in a process of its own."""
    path = os.pathsep.join(str(ROOT / part) for part in (".", "index", "cli"))
    done = subprocess.run(
        [sys.executable, "-m", "emsearch_cli", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


def assert_one_line(outcome: Outcome, code: int, *words: str) -> None:
    assert (outcome.code, outcome.out) == (code, ""), outcome
    assert outcome.err.startswith("emsearch: ") and outcome.err.count("\n") == 1, outcome.err
    for word in words:
        assert word in outcome.err


@pytest.fixture(scope="session")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Build an index of the four structures; a CIF file without atoms lies among them."""
    folder = tmp_path_factory.mktemp("end-to-end")
    (folder / "inputs").mkdir()
    for name, place in shapes().items():
        (folder / "inputs" / f"{name}.cif").write_text(mmcif(name, place), encoding="utf-8")
    (folder / "inputs" / "hollow.cif").write_text("data_HOLLOW\n_entry.id HOLLOW\n", encoding="utf-8")
    done = build([folder / "inputs"], folder / "index", SETTINGS, report=lambda line: None)
    assert (done.structures, done.groups, done.left_out) == (4, 4, 1)
    shutil.rmtree(folder / "index" / "work")  # the training state is large, and no search needs it
    yield folder / "index"
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def example(index: Path, tmp_path_factory: pytest.TempPathFactory) -> Example:
    stack = tmp_path_factory.mktemp("example") / "rod.mrcs"
    with pytest.raises(SystemExit) as end:
        app(["simulate", "rod", "--index", str(index), "-o", str(stack), "--images", "3", "--snr", "5"])
    assert end.value.code == 0
    return Example(index, stack)


def test_a_query_from_the_command_line(example: Example) -> None:
    done = as_user("query", f"2@{example.stack}", "--index", example.index, "--format", "json", "-q")
    assert (done.code, done.err) == (0, "")
    answer = json.loads(done.out)
    assert set(answer) == {
        "query",
        "index",
        "in_database_probability",
        "particle_probability",
        "hits",
        "undecided",
        "quantities",
    }
    assert answer["undecided"][0] == answer["hits"][0]["group"]
    assert answer["query"]["image"] == 2 and answer["query"]["pixel_size_source"] == "MRC header"
    assert answer["in_database_probability"] <= answer["particle_probability"] <= 1
    none_of_these = 1 - answer["in_database_probability"]
    assert none_of_these + sum(hit["probability"] for hit in answer["hits"]) <= 1 + 1e-9
    assert [hit["rank"] for hit in answer["hits"]] == list(range(1, len(answer["hits"]) + 1))
    assert {hit["representative"] for hit in answer["hits"]} <= {"rod", "ring", "globule", "ell"}
    for hit in answer["hits"]:
        view = hit["view"]
        assert np.linalg.norm(view["quaternion"]) == pytest.approx(1, abs=1e-5)
        assert view["structure"] in hit["members"]
        assert 0 < view["correlation"] <= 1
        assert not view["mirror"]


def test_matching_names_the_rod_where_the_network_has_hardly_learned(
    example: Example, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    found = in_process(
        capsys,
        *("query", example.stack, "--index", example.index, "--format", "json", "--contrast", "bright"),
        *("--png", tmp_path / "hits.png"),
    )
    assert found.code == 0
    answers = json.loads(found.out)
    assert [answer["query"]["image"] for answer in answers] == [1, 2, 3]
    firsts = [answer["hits"][0]["representative"] for answer in answers]
    assert firsts.count("rod") >= 2, firsts
    for number in (1, 2, 3):
        with Image.open(tmp_path / f"hits-{number}.png") as picture:
            assert picture.width > picture.height


def test_a_report_of_a_query_shows_the_guess_of_the_denoiser(
    example: Example, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    asked = ("query", f"1@{example.stack}", "--index", example.index, "--rerank", "1", "--denoised")
    assert_one_line(in_process(capsys, *asked), 2, "--denoised", "--html")
    done = in_process(capsys, *asked, "--html", page)
    assert done.code == 0, done.err
    text = page.read_text(encoding="utf-8")
    assert "denoised: a model" in text and "guess of strength" in text and "no evidence" in text
    assert "By the picture alone: " in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("info",), ("hollow.cif", "holds no atoms")),
        (("verify",), ("weights.safetensors", "ok")),
        (("groups",), ("rod", "ring", "globule", "ell")),
        (("show", "ring"), ("A made-up ring", "d0-130")),
        (("sql", "SELECT id, group_id FROM structures ORDER BY id"), ("globule",)),
        (("evaluate", "--images", "2", "--groups", "3", "--snr", "10"), ("re-ranked", "classifier")),
    ],
)
def test_every_other_verb_answers(
    index: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    done = in_process(capsys, *arguments, "--index", index, "--format", "json")
    assert done.code == 0, done.err
    assert json.loads(done.out)
    for word in words:
        assert word in done.out


def test_simulated_stack_and_its_truth(example: Example) -> None:
    with mrcfile.open(example.stack) as file:
        assert file.data.shape == (3, 64, 64)
        assert float(file.voxel_size.x) == pytest.approx(130 * 1.5 / 64, rel=1e-3)
    assert "_rlnImageName" in example.stack.with_suffix(".star").read_text(encoding="utf-8")


def _noise(side: int = 40) -> NDArray[np.float32]:
    return np.random.default_rng(0).standard_normal((side, side)).astype(np.float32)


def _empty(path: Path) -> None:
    path.touch()


def _text(path: Path) -> None:
    path.write_text("This is no picture.\n" * 50, encoding="utf-8")


def _truncated(path: Path) -> None:
    mrcfile.write(path, _noise())
    path.write_bytes(path.read_bytes()[:-1000])


def _nan(path: Path) -> None:
    mrcfile.write(path, _noise())
    content = bytearray(path.read_bytes())
    content[2000:2004] = np.array([np.nan], "<f4").tobytes()
    path.write_bytes(content)


def _constant(path: Path) -> None:
    Image.new("L", (64, 64), 90).save(path)


def _single_pixel(path: Path) -> None:
    Image.new("L", (1, 1), 90).save(path)


def _huge(path: Path) -> None:
    Image.new("1", (20_000, 20_000)).save(path)


BAD_IMAGES: list[tuple[str, Callable[[Path], None], str]] = [
    ("empty.png", _empty, "is empty"),
    ("text.png", _text, "text.png"),
    ("truncated.mrc", _truncated, "truncated.mrc"),
    ("nan.mrc", _nan, "not finite"),
    ("constant.png", _constant, "no contrast"),
    ("single.png", _single_pixel, "1 x 1 px"),
    ("huge.png", _huge, "20000 x 20000"),
    ("missing.png", lambda path: None, "does not exist"),
]


@pytest.mark.parametrize(("name", "write", "word"), BAD_IMAGES, ids=[name for name, _, _ in BAD_IMAGES])
def test_bad_images(
    index: Path,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    name: str,
    write: Callable[[Path], None],
    word: str,
) -> None:
    write(tmp_path / name)
    assert_one_line(in_process(capsys, "query", tmp_path / name, "--index", index), 3, word)


@pytest.mark.parametrize("pixel_size", ["0", "-3", "nan", "1000"])
def test_impossible_pixel_sizes(
    example: Example, capsys: pytest.CaptureFixture[str], pixel_size: str
) -> None:
    outcome = in_process(
        capsys, "query", example.stack, "--index", example.index, f"--pixel-size={pixel_size}"
    )
    assert_one_line(outcome, 3, "--pixel-size", "above 0")


def test_a_picture_of_a_few_angstrom(example: Example, capsys: pytest.CaptureFixture[str]) -> None:
    outcome = in_process(capsys, "query", example.stack, "--index", example.index, "--pixel-size", "0.01")
    assert_one_line(outcome, 3, "shows 0.64 A", "--pixel-size")


def _colour(path: Path) -> None:
    grey = np.interp(_noise(), (-3, 3), (0, 255)).astype(np.uint8)
    Image.fromarray(np.stack([grey, grey, grey // 2], axis=-1)).save(path)


def _sixteen_bits(path: Path) -> None:
    Image.fromarray(np.interp(_noise(), (-3, 3), (0, 65535)).astype(np.uint16)).save(path)


@pytest.mark.parametrize(("write", "note"), [(_colour, "colour (RGB)"), (_sixteen_bits, "no pixel size")])
def test_colour_and_sixteen_bits_are_read_and_said(
    index: Path,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    write: Callable[[Path], None],
    note: str,
) -> None:
    write(tmp_path / "a.png")
    done = in_process(capsys, "query", tmp_path / "a.png", "--index", index, "--rerank", 1, "-f", "json")
    assert done.code == 0
    assert json.loads(done.out)["query"]["pixel_size_source"] == "none"
    assert any(line.startswith("note: ") and note in line for line in done.err.splitlines())


@pytest.mark.parametrize(
    "verb", [("query", "a.png"), ("info",), ("verify",), ("groups",), ("show", "rod"), ("sql", "SELECT 1")]
)
def test_missing_index(capsys: pytest.CaptureFixture[str], tmp_path: Path, verb: tuple[str, ...]) -> None:
    assert_one_line(in_process(capsys, *verb, "--index", tmp_path / "nowhere"), 4, "nowhere")


@contextmanager
def one_byte_flipped(path: Path) -> Iterator[None]:
    """Damage a file for the time of the block."""
    place = path.stat().st_size // 2
    with path.open("r+b") as file:
        file.seek(place)
        byte = file.read(1)[0]
        for value in (byte ^ 0x10, byte):
            file.seek(place)
            file.write(bytes([value]))
            file.flush()
            if value != byte:
                yield


@pytest.mark.parametrize(
    "name", ["weights.safetensors", "beads.npz", "catalogue.duckdb", "views-", "manifest.json"]
)
def test_one_byte_of_the_index_flipped(
    example: Example, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    generation = next(example.index.glob("gen-*"))
    path = next(p for p in sorted(generation.iterdir()) if p.name.startswith(name))
    with one_byte_flipped(path):
        assert_one_line(in_process(capsys, "query", example.stack, "--index", example.index), 4, path.name)
        checked = in_process(capsys, "verify", "--index", example.index)
    assert checked.code == 4 and path.name in checked.err and checked.err.count("\n") == 1
    assert in_process(capsys, "verify", "--index", example.index).code == 0


def test_a_flipped_byte_in_a_process_of_its_own(example: Example) -> None:
    generation = next(example.index.glob("gen-*"))
    with one_byte_flipped(generation / "weights.safetensors"):
        outcome = as_user("verify", "--index", example.index)
    assert outcome.code == 4
    assert outcome.err.startswith("emsearch: 1 of ") and outcome.err.count("\n") == 1
    assert "Traceback" not in outcome.out + outcome.err


def test_a_cif_without_atoms(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    hollow = tmp_path / "hollow.cif"
    hollow.write_text("data_HOLLOW\n_entry.id HOLLOW\n", encoding="utf-8")
    outcome = in_process(capsys, "simulate", hollow, "-o", tmp_path / "a.mrcs")
    assert_one_line(outcome, 3, "hollow.cif", "no atoms")
    outcome = in_process(capsys, "build", hollow, "--out", tmp_path / "index", "-q")
    assert_one_line(outcome, 3, "hollow.cif", "no atoms")


def test_an_id_that_the_index_has_not(index: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert_one_line(in_process(capsys, "show", "9xyz", "--index", index), 2, "9xyz")


def test_documents_of_the_index_agree(index: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def answer(*arguments: str) -> Any:
        return json.loads(in_process(capsys, *arguments, "--index", index, "--format", "json").out)

    info = answer("info")
    assert (info["structures"], info["groups"], info["files_left_out"]) == (4, 4, 1)
    classes = {c["name"]: c["groups"] for c in info["size_classes"]}
    assert classes == {"d0-130": 3, "d130-320": 1}
    assert {g["representative"] for g in answer("groups")} == {"rod", "ring", "globule", "ell"}
    assert info["views"] == 4 * 12 * len(SETTINGS.fills)


def test_calibrating_anew_keeps_network_vectors_and_catalogue(
    index: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    copy = tmp_path / "index"
    shutil.copytree(index, copy)
    old = open_generation(copy)
    done = in_process(capsys, "calibrate", copy, "--images", "10", "--format", "json")
    assert done.code == 0, done.err
    (told,) = json.loads(done.out)
    new = open_generation(copy)
    assert new.name == told["generation"] != old.name
    assert new.manifest.files == old.manifest.files
    assert new.configuration["calibration"] == {k: v for k, v in told.items() if k != "generation"}
    assert verify(copy).ok
