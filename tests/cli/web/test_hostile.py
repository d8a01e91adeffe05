"""What Chromium makes of markup in file names, addresses, results of SQL and titles of structures: text, always.

The visitor of each test complains of every dialog and of all that the policy blocks. Needs the extra `web-tests` and
Chromium; skipped where one of them is absent.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import mrcfile
import numpy as np
import pytest
from PIL import Image

from emsearch.imaging.parameters import clean_parameters
from emsearch.search.engine import SearchIndex
from emsearch_cli.report.page import write_report
from tests.cli.test_report import contents
from tests.cli.web.conftest import generation_of, search, served
from tests.cli.web.hostile import ELEMENTS, HOSTILE, shown
from tests.conftest import PoolingIndex, lobed_beads

REFUSED = "Failed to load resource: the server responded with a status of 4"
STACK = 16  # images of a stack that the page searches
ADDRESSES = (
    "/groups/{}",
    "/structures/{}",
    "/searches/{}",
    "/explanations/{}",
    "/groups?size_class={}",
    "/groups?sort={}",
    "/map?size_class={}",
    "/sql?statement={}",
    "/sql?question={}",
    "/api/groups?text={}",
    "/{}",
)


@pytest.fixture(scope="module")
def hostile_index(tmp_path_factory: pytest.TempPathFactory) -> SearchIndex:
    """Return an index of fifty structures, each with another hostile title."""
    models = {f"blob{k:02}": lobed_beads(k) for k in range(len(HOSTILE))}
    index = PoolingIndex(models, tmp_path_factory.mktemp("hostile"), in_plane=1)
    index.groups = [replace(group, title=title) for group, title in zip(index.groups, HOSTILE, strict=True)]
    return index


@pytest.fixture(scope="module")
def hostile_address(hostile_index: SearchIndex, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve the page of that index."""
    titles = dict(zip(hostile_index.structures, HOSTILE, strict=True))
    with served(hostile_index, generation_of(titles, tmp_path_factory.mktemp("catalogue"))) as where:
        yield where


@pytest.fixture(scope="module")
def stacks(hostile_index: SearchIndex, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return stacks that hold an image of each structure."""
    turn = np.array([[0.8, 0.2, -0.5, 0.26]])
    count = len(hostile_index.structures)
    parameters = clean_parameters(np.repeat(turn / np.linalg.norm(turn), count, axis=0))
    drawn = hostile_index.simulator(hostile_index.structures).projections(
        np.arange(count), parameters, np.full(count, 4.5), 64
    )
    folder = tmp_path_factory.mktemp("stacks")
    paths = [folder / f"{first}.mrcs" for first in range(0, count, STACK)]
    for first, path in zip(range(0, count, STACK), paths, strict=True):
        with mrcfile.new(path) as file:
            file.set_data(drawn.numpy()[first : first + STACK])
            file.set_image_stack()
            file.voxel_size = 4.5
    return paths


def test_names_of_uploads(visit: Callable[..., Any], mrc_file: Callable[..., Path]) -> None:
    page = visit()
    content = mrc_file().read_bytes()
    for name in HOSTILE:
        page.set_input_files("#image", {"name": name, "mimeType": "image/png", "buffer": content})
        assert page.locator("[data-chosen] *").count() == 0
        page.evaluate("document.querySelector('#rerank').value = '0'")
        page.click("button[type=submit]")
        page.wait_for_selector("table.hits")
        assert page.locator(ELEMENTS).count() == 0
        page.go_back()
    page.reload()
    assert page.locator(".recent a").count() > 0 and page.locator(".recent a *").count() == 0


@pytest.mark.parametrize(
    ("address_of", "names"),
    [("/groups?text={}", HOSTILE), *((where, HOSTILE[k % 5 :: 5]) for k, where in enumerate(ADDRESSES))],
)
def test_names_in_addresses(
    visit: Callable[..., Any], address: str, address_of: str, names: tuple[str, ...]
) -> None:
    page = visit(forgiven=REFUSED)
    for name in names:
        page.goto(address + address_of.format(quote(name, safe="")))
        assert page.locator(ELEMENTS).count() == 0
    assert len(names) in (10, 50)


def test_values_of_sql(visit: Callable[..., Any], address: str) -> None:
    page = visit("/sql")
    values = ", ".join("('" + name.replace("'", "''") + "')" for name in HOSTILE)
    columns = ", ".join(f'1 AS "{name.replace(chr(34), chr(34) * 2)}"' for name in HOSTILE)
    for statement in (f"SELECT * FROM (VALUES {values})", f"SELECT {columns}"):
        page.goto(f"{address}/sql?{urlencode({'statement': statement})}")
        shown = page.inner_text("#result ~ *")
        assert page.locator(ELEMENTS).count() == 0 and all(name in shown for name in HOSTILE[::5])


def without_pictures(page: Any) -> Any:
    """Spare a page what it draws, in 3D or not: it knows no titles and takes most of the time."""
    dot = BytesIO()
    Image.new("L", (1, 1)).save(dot, "PNG")
    for script in ("3Dmol-min.js", "viewer.js"):
        page.route(
            f"**/static/{script}", lambda route: route.fulfill(body="", content_type="text/javascript")
        )
    page.route("**/*.png", lambda route: route.fulfill(body=dot.getvalue(), content_type="image/png"))
    return page


def test_titles_on_every_page(
    visit_at: Callable[..., Any], hostile_address: str, hostile_index: SearchIndex
) -> None:
    page = without_pictures(visit_at(hostile_address))
    tables = (urlencode({"statement": f"SELECT * FROM {table}"}) for table in ("structures", "groups"))
    listed = (
        "/groups",
        "/groups?page=2",
        "/groups?page=3",
        "/groups?text=alert",
        "/map",
        "/sql?question=rods",
    )
    for path in ("/", *listed, *(f"/sql?{table}" for table in tables)):
        page.goto(hostile_address + path, wait_until="load")
        assert page.locator(ELEMENTS).count() == 0
    for group, title in zip(hostile_index.groups, HOSTILE, strict=True):
        for path in (f"/groups/{group.id}", f"/structures/{group.representative}"):
            page.goto(hostile_address + path, wait_until="load")
            assert shown(title) in page.inner_text("h1") and page.locator(ELEMENTS).count() == 0


def test_titles_in_answers(visit_at: Callable[..., Any], hostile_address: str, stacks: list[Path]) -> None:
    page = visit_at(hostile_address)
    titles, visited = set(), 0
    for stack in stacks:
        page.goto(hostile_address)
        page.set_input_files("#image", stack)
        page.evaluate(
            "[document.querySelector('#rerank').value, document.querySelector('#top').value] = ['0', '25']"
        )
        page.click("button[type=submit]")
        page.wait_for_selector("ul.images")
        answers = page.eval_on_selector_all("ul.images a", "links => links.map(a => a.href)")
        for answer in [page.url, *answers]:
            page.goto(answer)
            assert page.locator(ELEMENTS).count() == 0
            titles.update(page.locator("td.title").all_inner_texts())
            visited += 1
    assert visited == 54 and titles == set(map(shown, HOSTILE))


def test_titles_in_matched_answers_and_explanations(
    visit_at: Callable[..., Any], hostile_address: str, mrc_file: Callable[..., Path]
) -> None:
    page = visit_at(hostile_address)
    page.evaluate("document.querySelector('#rerank').value = '5'")
    search(page, mrc_file(), HOSTILE[0])
    assert page.locator(ELEMENTS).count() == 0
    page.click("button[name=hit] >> nth=0")
    page.wait_for_selector("dl.facts")
    assert page.locator(ELEMENTS).count() == 0


def test_names_in_a_report(visit_at: Callable[..., Any], tmp_path: Path) -> None:
    report = replace(contents(), sets=tuple(contents(name).sets[0] for name in HOSTILE))
    write_report(tmp_path / "report.html", report)
    page = visit_at("file://", str(tmp_path / "report.html"))
    assert page.locator("section.set h2").count() == len(HOSTILE) and page.locator(ELEMENTS).count() == 0
