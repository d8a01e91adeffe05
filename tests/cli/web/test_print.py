"""On paper nothing scrolls: tables are whole, however narrow the page. Needs the extra `web-tests` and Chromium."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from emsearch_cli.report.page import write_report
from tests.cli.test_report import contents
from tests.cli.web.conftest import search

A4, A5 = 718, 484  # CSS pixels between margins of 1 cm
CUT_OFF = """() => [...document.querySelectorAll('.scroll, table, svg.mixture')].filter(at => {
  const overflow = getComputedStyle(at).overflowX;
  return at.scrollWidth > at.clientWidth + 1 && overflow !== 'visible'
    || at.getBoundingClientRect().right > document.documentElement.clientWidth;
}).map(at => at.outerHTML.slice(0, 80))"""


@pytest.mark.parametrize("width", [A4, A5])
def test_a_report_is_printed_whole(visit_at: Callable[..., Any], tmp_path: Path, width: int) -> None:
    title = "CRYSTAL STRUCTURE OF THE ASYMMETRIC CHAPERONIN COMPLEX GROEL/GROES/(ADP)7"
    report = contents(title)
    first = report.sets[0]
    hits = tuple(replace(hit, representative="a_map_of_my_own_0001") for hit in first.hits)
    write_report(tmp_path / "report.html", replace(report, sets=(replace(first, hits=hits),) * 2))
    page = visit_at("file://", str(tmp_path / "report.html"), viewport={"width": width, "height": 1000})
    page.emulate_media(media="print")
    assert page.evaluate(CUT_OFF) == []


def test_an_answer_is_printed_whole(visit: Callable[..., Any], mrc_file: Callable[..., Path]) -> None:
    page = visit(viewport={"width": A5, "height": 1000})
    search(page, mrc_file())
    page.emulate_media(media="print")
    assert page.evaluate(CUT_OFF) == []
