"""Cards, sheets and the map on the command line: what is refused, what is written, and that words stay words."""

import base64
import hashlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import gemmi
import numpy as np
import pytest
from PIL import Image

from emsearch.gallery.cards import read_card
from emsearch.gallery.shape_map import MapPoint, shape_map
from emsearch.structures.beads import BeadModel, write_bead_archive
from emsearch_cli.gallery.card_page import render_card
from emsearch_cli.gallery.card_sheet import write_card_sheet
from emsearch_cli.gallery.drawn import DrawnCard, draw_card
from emsearch_cli.gallery.map_colour import MapColour
from emsearch_cli.gallery.map_page import render_map
from emsearch_cli.gallery.map_plot import plot_map
from emsearch_index.catalogue import Catalogue
from emsearch_index.publication import publish
from tests.cli.test_report import HOSTILE, Page
from tests.gallery.conftest import catalogue, shapes

__all__ = ["catalogue", "shapes"]  # fixtures

Run = Callable[..., Any]


@pytest.fixture(scope="session")
def gallery_index(
    catalogue: Catalogue, shapes: dict[str, BeadModel], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("gallery_index")
    beads = folder / "source.npz"
    write_bead_archive(beads, [*shapes.items(), ("twin", shapes["s300"])])
    (path,) = {
        Path(row["path"])
        for row in catalogue.rows("SELECT path FROM duckdb_databases() WHERE path IS NOT NULL")
    }
    publish(folder / "index", {"catalogue.duckdb": path, "beads.npz": beads}, configuration={}, versions={})
    return folder / "index"


@pytest.fixture(scope="session")
def drawn(catalogue: Catalogue, shapes: dict[str, BeadModel]) -> DrawnCard:
    return draw_card(read_card(catalogue, "G00"), {**shapes, "twin": shapes["s300"]})


def map_points(word: str = "a name") -> list[MapPoint]:
    return [
        MapPoint(word, x, y, word, word, 1, word, mass, 100.0)
        for x, y, mass in ((-0.5, 0.0, 90.0), (0.5, 0.2, 9e5), (0.1, -0.1, 300.0))
    ]


def faces(count: int = 3) -> list[np.ndarray[Any, np.dtype[np.float32]]]:
    return [np.full((8, 8), 0.5, np.float32)] * count


def colours(path: Path) -> int:
    with Image.open(path) as picture:
        assert min(picture.size) > 150
        found = picture.convert("RGB").getcolors(1 << 24)
    return len(found or ())


def test_show_writes_card_page_and_models(gallery_index: Path, run: Run, tmp_path: Path) -> None:
    plain = run("show", "G00", "--index", str(gallery_index), "--format", "json")
    files = {name: tmp_path / f"c.{name}" for name in ("png", "html", "cxc")}
    options = [word for name, file in files.items() for word in (f"--{name}", str(file))]
    outcome = run("show", "G00", "--index", str(gallery_index), "--format", "json", *options)
    assert (outcome.code, outcome.out) == (0, plain.out)
    assert colours(files["png"]) > 50
    assert "title of twin" in files["html"].read_text(encoding="utf-8")
    script = files["cxc"].read_text(encoding="utf-8").splitlines()
    assert [line for line in script if line.startswith("open")] == [
        'open c-models/001.cif name "s300 1.000"',
        'open c-models/002.cif name "twin 0.950 mirrored"',
    ]
    model = gemmi.read_structure(str(tmp_path / "c-models" / "002.cif"))[0]
    assert model.count_atom_sites() > 500
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c-models", "c.cxc", "c.html", "c.png"]


def test_groups_draw_a_sheet_and_say_which(gallery_index: Path, run: Run, tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.png"
    outcome = run("groups", "--index", str(gallery_index), "--png", str(sheet))
    assert outcome.code == 0 and "shape groups 1 to 15 of 15" in outcome.err
    assert colours(sheet) > 50
    outcome = run("groups", "--index", str(gallery_index), "--png", str(sheet), "--sheet", "2")
    assert outcome.code == 2 and "sheets 1 to 1" in outcome.err


def test_map_is_a_table_a_page_and_a_picture(gallery_index: Path, run: Run, tmp_path: Path) -> None:
    files = [tmp_path / "m.html", tmp_path / "m.png"]
    options = ("--html", str(files[0]), "--png", str(files[1]), "--colour", "size-class")
    outcome = run("map", "--index", str(gallery_index), "--format", "json", *options)
    rows = json.loads(outcome.out)
    assert outcome.code == 0 and [row["group"] for row in rows] == [f"G{k:02d}" for k in range(15)]
    assert rows == json.loads(run("map", "--index", str(gallery_index), "--format", "json").out)
    assert colours(files[1]) > 20
    page = Page(files[0].read_text(encoding="utf-8"))
    assert sum(a.get("class", "").startswith("p ") for tag, a in page.elements if tag == "a") == 15  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "arguments",
    [
        ("show", "nothing", "--png", "x.png"),
        ("show", "G00", "--png", "nowhere/x.png"),
        ("groups", "--png", "nowhere/x.png"),
        ("map", "--html", "nowhere/x.html"),
        ("map", "--size-class", "huge"),
    ],
)
def test_refused_before_anything_is_written(
    arguments: Sequence[str], gallery_index: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = run(*arguments, "--index", str(gallery_index))
    assert outcome.code == 2 and outcome.err.count("\n") == 1 and outcome.out == ""
    assert not list(tmp_path.iterdir())


def hostile_card(drawn: DrawnCard, word: str) -> DrawnCard:
    card = drawn.card
    members = tuple(replace(m, structure=word, title=word) for m in card.members)
    nearest = tuple(replace(n, group=word, name=word, structure=word) for n in card.nearest)
    measures = replace(card.measures, symmetry=word, method=word, organism=word)
    return replace(
        drawn,
        card=replace(
            card, id=word, title=word, structure=word, group=word, size_class=word, measures=measures,
            members=members, nearest=nearest,
        ),
        neighbours=tuple((near, p) for near, (_, p) in zip(nearest, drawn.neighbours, strict=True)),
    )  # fmt: skip


@pytest.mark.parametrize("word", HOSTILE)
def test_hostile_words_come_out_as_words(word: str, drawn: DrawnCard) -> None:
    for page, plain in (
        (render_card(hostile_card(drawn, word), word), render_card(hostile_card(drawn, "a word"), "gen")),
        (
            render_map(map_points(word), faces(), word, MapColour.MASS),
            render_map(map_points(), faces(), "gen", MapColour.MASS),
        ),
    ):
        found, expected = Page(page), Page(plain)
        assert not found.open
        assert found.elements[:1] == expected.elements[:1]
        assert [tag for tag, _ in found.elements] == [tag for tag, _ in expected.elements]
        assert [set(a) for _, a in found.elements] == [set(a) for _, a in expected.elements]
        for character in "\x00\x1b\u202e":
            assert character not in page


def test_hostile_words_are_drawn_too(drawn: DrawnCard, tmp_path: Path) -> None:
    write_card_sheet(hostile_card(drawn, r"$\frac{<b>}$ & \input{x}"), tmp_path / "card.png")
    assert colours(tmp_path / "card.png") > 50


def test_pages_hold_all_that_they_need(drawn: DrawnCard) -> None:
    for page in (render_card(drawn, "gen"), render_map(map_points(), faces(), "gen", MapColour.MASS)):
        for tag, attributes in Page(page).elements:
            for name in ("src", "href"):
                value = attributes.get(name)
                allowed = (
                    r"data:image/png;base64,[A-Za-z0-9+/=]+|#\w+|https://www\.rcsb\.org/structure/[a-z0-9_]+"
                )
                assert value is None or re.fullmatch(allowed, value), (tag, value)
        assert "url(" not in page and "@import" not in page


def test_the_map_allows_its_own_script_and_no_other() -> None:
    page = render_map(map_points(), faces(), "gen", MapColour.MASS)
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.S)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in page.replace("&#39;", "'")
    assert "innerHTML" not in script and "eval" not in script


def test_points_lead_to_the_list_and_back_without_script(catalogue: Catalogue) -> None:
    points = shape_map(catalogue)
    page = Page(render_map(points, faces(len(points)), "gen", MapColour.MASS))
    ids = {a["id"] for _, a in page.elements if "id" in a}
    links = [str(a["href"])[1:] for tag, a in page.elements if tag == "a" and str(a["href"]).startswith("#")]
    assert len(links) == 2 * len(points) + 1 and set(links) <= ids


def test_shapes_on_the_map_do_not_lie_on_each_other(catalogue: Catalogue) -> None:
    plot = plot_map(shape_map(catalogue))
    assert plot.landmarks[0] == 0  # the group of most members
    places = np.array([plot.places[k] for k in plot.landmarks])
    apart = np.linalg.norm(places[:, None] - places[None], axis=2)
    assert apart[~np.eye(len(places), dtype=bool)].min(initial=np.inf) >= 84
