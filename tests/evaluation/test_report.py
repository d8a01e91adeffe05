import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from emsearch.evaluation.discrimination import reliability
from emsearch.evaluation.figures import accuracy_figure, confusion_figure, reliability_figure
from emsearch.evaluation.known import Judged
from emsearch.evaluation.poses import PoseError
from emsearch.evaluation.protocol import Evaluation, Protocol
from emsearch.evaluation.queries import Query
from emsearch.evaluation.report import html_report
from emsearch.evaluation.scores import scores_of

if TYPE_CHECKING:
    from emsearch.search.engine import SearchIndex


class Balance(HTMLParser):
    """Counts what is open, and collects what a browser would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.sources: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.sources += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture
def evaluation(a_query: Callable[..., Query]) -> Evaluation:
    queries = (
        a_query(1, pose=PoseError(3.0, 2.0, 1.0), snr=np.inf),
        a_query(2, "G1", group="G3"),
        a_query(1, set="members", snr=2.0),
    )
    judged = tuple(Judged(k % 3, "d0-130", 2.0, 0.8, 0.3, 0.7, 0.4, 1, True) for k in range(6))
    return Evaluation(queries, judged, ("set added is left out: <nothing>",))


def test_the_page_stands_alone(family_index: "SearchIndex", evaluation: Evaluation) -> None:
    page = html_report(family_index, Protocol(), evaluation)
    parser = Balance()
    parser.feed(page)
    assert not parser.open
    assert len(parser.sources) == 3
    assert all(source.startswith("data:image/png;base64,") for source in parser.sources)
    assert "<script" not in page and not re.search(r"https?://|url\(|@import", page)


def test_the_page_says_what_was_found(family_index: "SearchIndex", evaluation: Evaluation) -> None:
    page = html_report(family_index, Protocol(), evaluation)
    for words in (
        "clean",
        "members",
        "1.00 (0.21-1.00)",
        "blob1",
        "0.710",
        "AUROC",
        "&lt;nothing&gt;",
        "d100-200",
    ):
        assert words in page, words


def test_nothing_confused_and_nothing_judged_leave_their_parts_out(
    family_index: "SearchIndex", evaluation: Evaluation
) -> None:
    short = replace(evaluation, queries=evaluation.queries[:1], judged=())
    page = html_report(family_index, Protocol(), short)
    assert "No group was taken for another" in page
    assert "AUROC" not in page


def test_figures_are_pictures(evaluation: Evaluation) -> None:
    bins = reliability(np.array([0.1, 0.9]), np.array([False, True]))
    drawn = (
        accuracy_figure(scores_of(evaluation.queries)),
        accuracy_figure([]),
        reliability_figure(bins),
        confusion_figure(["G0", "G1"], np.array([[3, 1], [0, 0]])),
    )
    for content in drawn:
        with Image.open(BytesIO(content)) as picture:
            assert picture.format == "PNG" and picture.width > 200
