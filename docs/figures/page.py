"""Draw the page of `emsearch serve` after a search, and a report, as Chromium shows them.

Run from the repository's root, with the extra `web-tests` and Chromium: python docs/figures/page.py
"""

import io
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

PAGE = Path("docs/images/page.png")
REPORT = Path("docs/images/report.png")
EXAMPLE = ("examples/groel.png", "3.75")
FLAGS = ("--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")
MINUTES = 10
COLOURS = 256


def main() -> None:
    """Search the example on the page and in a terminal, and draw what comes out."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    serve = [sys.executable, "-u", "-m", "emsearch_cli", "serve", "--port", "0"]
    with sync_playwright() as started, subprocess.Popen(serve, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            address = server.stdout.readline().strip()
            browser = started.chromium.launch(executable_path=chromium, args=list(FLAGS))
            draw_page(browser.new_page(viewport={"width": 1240, "height": 1060}), address)
            draw_report(browser.new_page(viewport={"width": 1100, "height": 760}))
        finally:
            server.terminate()


def draw_page(page: Any, address: str) -> None:
    """Draw the answer to the example."""
    page.set_default_timeout(MINUTES * 60_000)
    page.goto(address)
    page.set_input_files("#image", EXAMPLE[0])
    page.fill("#pixel", EXAMPLE[1])
    page.click("button[type=submit]")
    page.wait_for_selector("table.hits")
    page.wait_for_selector(".viewer[data-state=shown]")
    page.wait_for_load_state("networkidle")
    keep(page.screenshot(), PAGE)


def draw_report(page: Any) -> None:
    """Draw the report of the example."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.html"
        command = [sys.executable, "-m", "emsearch_cli", "query", EXAMPLE[0], "--pixel-size", EXAMPLE[1]]
        subprocess.run(
            [*command, "--html", str(report)], check=True, stdout=subprocess.DEVNULL, env=os.environ
        )
        page.goto(report.as_uri())
        keep(page.screenshot(), REPORT)


def keep(shot: bytes, out: Path) -> None:
    """Write a screenshot with few colours, for its noise is most of its size."""
    with Image.open(io.BytesIO(shot)) as image:
        image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(out, optimize=True)


if __name__ == "__main__":
    main()
