"""The page in Chromium: upload, hits, 3D, SQL, keyboard, widths and colours, with and without JavaScript.

Needs the extra `web-tests` and Chromium; skipped where one of them is absent.
"""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.cli.web.conftest import search

HOSTILE_NAME = "<img src=x onerror=alert(3)>.mrcs"
PATHS = (
    *("/", "/groups", "/groups/G0", "/structures/blob0", "/map", "/sql?question=rods"),
    "/sql?statement=SELECT+*+FROM+structures",
)
SIDEWAYS = """[...document.querySelectorAll('main *:not(.tall)')].filter(at => at.scrollWidth > at.clientWidth + 1
  && ['auto', 'scroll'].includes(getComputedStyle(at).overflowX)).map(at => at.outerHTML.slice(0, 80))"""
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
        assert (
            page.evaluate("document.documentElement.scrollWidth") <= width and page.evaluate(SIDEWAYS) == []
        )
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
    for width, picture in ((390, "narrow.png"), (1400, "picture.png")):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate("document.querySelector('.strip img').currentSrc").endswith(picture)
        assert page.evaluate(SIDEWAYS) == []


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
