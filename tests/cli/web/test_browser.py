"""The page in Chromium: upload, hits, 3D, SQL, keyboard, widths and colours, with and without JavaScript.

Needs the extra `web-tests` and Chromium; skipped where one of them is absent.
"""

import io
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest
from PIL import Image

playwright = pytest.importorskip(
    "playwright.sync_api", reason="playwright is not installed: pip install 'emsearch[web-tests]'"
)
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")

TOKEN = "the-token-of-the-tests"
HOSTILE_NAME = "<img src=x onerror=alert(3)>.mrcs"
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
    *("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"),
)
PATHS = (
    *("/", "/groups", "/groups/G0", "/structures/blob0", "/map", "/sql?question=rods"),
    "/sql?statement=SELECT+*+FROM+structures",
)
MARKUP = (
    "<script>alert(1)</script>",
    '"><script>alert(1)</script>',
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "' autofocus onfocus=alert(1) x='",
    '" autofocus onfocus=alert(1) x="',
    "</title><script>alert(1)</script>",
    "</code><iframe srcdoc='<script>alert(1)</script>'>",
    "<a href=javascript:alert(1)>x</a>",
    "{{7*7}}{% raw %}<b>x</b>",
)
AROUND = (("", ""), ("x", ".png"), ("\u202e", ""), ("&lt;", "&gt;"), ("%3C", "%00"))
HOSTILE_NAMES = [f"{before}{text}{after}" for text in MARKUP for before, after in AROUND]
DANGEROUS = "main b:not(.groups b), main iframe, main script, main [onerror], main [onload], main [onfocus]"
FOCUS_IS_SEEN = """() => {
  const at = document.activeElement;
  if (!at || at === document.body) return null;
  const style = getComputedStyle(at.matches('.choice input') ? at.nextElementSibling : at);
  const point = at.querySelector('circle');
  const seen = point ? parseFloat(getComputedStyle(point).strokeWidth) >= 3
    : style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
  const box = at.getBoundingClientRect();
  return [at.outerHTML.slice(0, 80), seen && box.bottom > 0 && box.top < innerHeight];
}"""
OF_SOFTWARE_GL = "GPU stall due to ReadPixels"  # what Chromium says of drawing without a graphics card


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with (
        playwright.sync_playwright() as started,
        closing(started.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))) as browser,
    ):
        yield browser


@pytest.fixture
def visit(browser: Any, address: str) -> Iterator[Callable[..., Any]]:
    """Return a function that opens the page; the test fails on an error in the console, a dialog or a foreign request."""
    complaints: list[str] = []
    contexts = []

    def complain(text: str) -> None:
        if text and OF_SOFTWARE_GL not in text:
            complaints.append(text)

    def dismissed(dialog: Any) -> None:
        complain(dialog.message)
        dialog.dismiss()

    def open_page(path: str = "/", **options: Any) -> Any:
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda m: complain(m.text if m.type in ("error", "warning") else ""))
        page.on("pageerror", lambda error: complain(str(error)))
        page.on("dialog", dismissed)
        page.on("request", lambda r: complain("" if r.url.startswith(address) else r.url))
        separator = "&" if "?" in path else "?"
        page.goto(f"{address}{path}{separator}token={TOKEN}")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def search(page: Any, file: Path, name: str = "particle.mrcs") -> None:
    payload = {"name": name, "mimeType": "application/octet-stream", "buffer": file.read_bytes()}
    page.set_input_files("#image", payload)
    page.click("button[type=submit]")
    page.wait_for_selector("table.hits")


def pixels(page: Any) -> np.ndarray[Any, Any]:
    page.wait_for_selector(".viewer[data-state=shown]")
    shot = page.locator(".viewer").screenshot()
    return np.asarray(Image.open(io.BytesIO(shot)).convert("L"), np.float64)


def test_from_an_upload_to_hits_in_3d(visit: Callable[..., Any], mrc_file: Callable[..., Path]) -> None:
    page = visit()
    assert "token" not in page.url
    search(page, mrc_file(), HOSTILE_NAME)
    assert "blob2" in page.inner_text("h1") + page.inner_text("table.hits tbody tr:first-child")
    assert HOSTILE_NAME in page.inner_text(".path")
    page.wait_for_load_state("networkidle")
    assert page.evaluate("[...document.images].every(i => i.loading === 'lazy' || i.naturalWidth > 0)")
    drawn = pixels(page)
    assert drawn.std() > 5 and (drawn > 60).mean() > 0.02
    page.click("a[data-show] >> nth=0")
    page.wait_for_load_state("networkidle")
    assert np.abs(pixels(page) - drawn).mean() > 0.5
    page.goto(page.url.rsplit("/searches", 1)[0] + "/")
    assert HOSTILE_NAME in page.inner_text(".recent")


def test_by_keyboard_alone(visit: Callable[..., Any], mrc_file: Callable[..., Path]) -> None:
    page = visit()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.set_input_files("#image", mrc_file())
    page.focus("#image")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "pixel"
    page.keyboard.type("4.5")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.value") == "bright"
    assert (
        page.evaluate("getComputedStyle(document.activeElement.nextElementSibling).outlineStyle") == "solid"
    )
    page.keyboard.press("Enter")
    page.wait_for_selector("table.hits")
    assert "4.5 Å a pixel (as given)" in page.inner_text(".path")
    before = pixels(page)
    page.focus(".viewer")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowUp")
    turned = pixels(page)
    page.keyboard.press("Home")
    assert np.abs(turned - before).mean() > 0.5 > np.abs(pixels(page) - before).mean()


def test_sql(visit: Callable[..., Any]) -> None:
    page = visit("/sql")
    page.fill("#statement", "SELECT id, title FROM structures ORDER BY id")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("h2:has-text('5 rows')")
    with page.expect_download() as download:
        page.click("text=CSV")
    assert download.value.suggested_filename == "result.csv"
    assert Path(download.value.path()).read_text("utf-8").startswith("id,title\nblob0,")


@pytest.mark.parametrize("width", [390, 1400])
@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_widths_and_colours(visit: Callable[..., Any], address: str, width: int, scheme: str) -> None:
    page = visit(viewport={"width": width, "height": 900}, color_scheme=scheme)
    for path in PATHS:
        page.goto(address + path, wait_until="load")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        red = int(page.evaluate("getComputedStyle(document.body).backgroundColor.match(/[0-9]+/)[0]"))
        assert (red < 60) == (scheme == "dark")
        labelled = "[...document.querySelectorAll('input:not([type=hidden]), select, textarea')].every(f => f.labels.length)"
        assert page.evaluate(labelled)


def test_without_javascript(visit: Callable[..., Any], mrc_file: Callable[..., Path]) -> None:
    page = visit(java_script_enabled=False)
    search(page, mrc_file())
    assert page.locator("table.hits tbody tr").count() > 1
    assert "needs JavaScript" in page.inner_text("[data-status]")
    with page.expect_download() as download:
        page.click("[data-download]")
    assert "ATOM" in Path(download.value.path()).read_text("utf-8")
    page.click("text=Why this hit? >> nth=0")
    page.wait_for_selector("dl.facts")


def test_hostile_file_names_stay_text(visit: Callable[..., Any], mrc_file: Callable[..., Path]) -> None:
    page = visit()  # it complains of every dialog, and of all that the policy blocks
    content = mrc_file().read_bytes()
    for name in HOSTILE_NAMES:
        payload = {"name": name, "mimeType": "image/png", "buffer": content}
        page.set_input_files("#image", payload)
        assert page.locator("[data-chosen] *").count() == 0
        page.evaluate("document.querySelector('#rerank').value = '0'")
        page.click("button[type=submit]")
        page.wait_for_selector("table.hits")
        assert page.locator(DANGEROUS).count() == 0
        page.go_back()
    page.reload()
    assert page.locator(".recent a").count() > 0 and page.locator(".recent a *").count() == 0


def test_hostile_words_in_addresses_and_results_stay_text(visit: Callable[..., Any], address: str) -> None:
    page = visit("/groups")
    for name in HOSTILE_NAMES:
        page.goto(f"{address}/groups?{urlencode({'text': name.replace(chr(0), '')})}")
        assert page.locator(DANGEROUS).count() == 0
    values = ", ".join("('" + name.replace("'", "''") + "')" for name in HOSTILE_NAMES)
    page.goto(f"{address}/sql?{urlencode({'statement': f'SELECT * FROM (VALUES {values})'})}")
    assert page.inner_text("#result").startswith(f"{len(HOSTILE_NAMES)} rows")
    assert page.locator(DANGEROUS).count() == 0
    for path in PATHS:  # the title of the first structure is hostile too
        page.goto(address + path, wait_until="load")
        assert page.locator(DANGEROUS).count() == 0


@pytest.mark.parametrize("path", PATHS)
def test_every_stop_of_the_tab_key_is_seen(visit: Callable[..., Any], path: str) -> None:
    page = visit(path, reduced_motion="reduce")  # else it still scrolls when the next key comes
    unseen = []
    for _ in range(200):
        page.keyboard.press("Tab")
        stop = page.evaluate(FOCUS_IS_SEEN)
        if stop is None:
            break
        unseen += [] if stop[1] else [stop[0]]
    assert stop is None and unseen == []


def test_explanation_by_keyboard(visit: Callable[..., Any], mrc_file: Callable[..., Path]) -> None:
    page = visit()
    search(page, mrc_file())
    page.focus("button[name=hit] >> nth=0")
    page.keyboard.press("Enter")
    page.wait_for_selector("dl.facts")
    page.wait_for_load_state("networkidle")
    assert page.evaluate("document.querySelector('.strip img').naturalWidth") > 0
    page.focus("#rather-than")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("h1:has-text('rather than')")
    for width in (390, 1400):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_map_by_keyboard(visit: Callable[..., Any]) -> None:
    page = visit("/map")
    page.focus("a.p[tabindex='0']")
    before = page.evaluate("document.activeElement.id")
    for key in ("ArrowRight", "ArrowLeft", "ArrowUp", "ArrowDown"):
        page.keyboard.press(key)
    assert before.startswith("p") and page.evaluate("document.activeElement.id").startswith("p")
    group = page.evaluate("document.activeElement.getAttribute('href')")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{group}")


def test_map_and_questions_without_javascript(visit: Callable[..., Any]) -> None:
    page = visit("/map?colour=size-class", java_script_enabled=False)
    assert page.locator("svg.shapes a.p").count() == 5
    page.check("#by-mass")
    page.click("button[type=submit]")
    assert "--colour mass" in page.inner_text(".command pre")
    page.goto(page.url.split("/map")[0] + "/sql")
    page.click("text=Which shapes have a certain mass?")
    page.fill("#value-mass_kda", "22")
    page.click("button[type=submit]")
    assert "5 rows" in page.inner_text("#result")
