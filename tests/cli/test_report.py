"""The report: inert whatever it is given, whole without a network, and right where it draws."""

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from emsearch_cli.report.charts import mixture_svg
from emsearch_cli.report.contents import Explained, MixtureRow, ReportContents, ReportHit, SetPage
from emsearch_cli.report.page import render_report, write_report
from emsearch_cli.report.pictures import difference, png_bytes, png_uri
from emsearch_cli.report.sphere import discs, sphere_svg

VOID = {"meta", "img", "br", "link", "input", "hr"}
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</style><script>alert(1)</script>",
    "</title><svg onload=alert(1)>",
    "javascript:alert(1)",
    "{{ 7 * 7 }}{% raw %}",
    "&lt;b&gt; & <b>",
    "a\x00b\x1b[31mred",
    "\u202egnp.exe",
    "--><!-- <script>",
    "]]><script>alert(1)</script>",
    "<a href=//evil.example>x</a>",
    "\" style=\"background:url('//evil.example')",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "<math><mi xlink:href=javascript:alert(1)>",
    "%3Cscript%3E",
    "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"),
    "x" * 5000,
    "línea\nnueva\ttab",
]


class Page(HTMLParser):
    """The elements of a page, and whether its tags are balanced."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def contents(word: str = "GroEL") -> ReportContents:
    rng = np.random.default_rng(1)
    image = rng.normal(size=(20, 24)).astype(np.float32)
    directions = rng.normal(size=(30, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    hit = ReportHit("G0001", "1aon", word, ("1aon", word), 0.8, 870.0, 184.0, 0.7, 0.9)
    own = replace(hit, representative=word, probability=0.1, correlation=None)
    page = SetPage(
        word, 30, 0.1, (hit, own), 25, 4, ("G0001", word), image, image, directions, 0.002, 0.7, (word,)
    )
    return ReportContents(
        title=word,
        command=f"emsearch batch {word}",
        created="2026-01-01",
        versions={"torch": word},
        index_path=word,
        generation=word,
        input_path=word,
        particles=60,
        pixel_size=word,
        contrast=word,
        sets=(page, replace(page, name="other")),
        mixture=(MixtureRow(word, 0.7, 0.6, 0.8), MixtureRow("none of these", 0.3, 0.2, 0.4)),
        bad_particles=((word, word),),
        parameters={word: word},
    )


@pytest.mark.parametrize("word", HOSTILE)
def test_hostile_words_come_out_as_words(word: str) -> None:
    page = Page(render_report(contents(word)))
    plain = Page(render_report(contents()))
    assert not page.open
    assert [tag for tag, _ in page.elements] == [tag for tag, _ in plain.elements]
    assert [set(attributes) for _, attributes in page.elements] == [set(a) for _, a in plain.elements]
    assert not {"script", "iframe", "object", "form", "base", "link"} & {tag for tag, _ in page.elements}
    assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)
    for character in "\x00\x1b\u202e":
        assert character not in "".join(page.text)


def test_nothing_comes_from_outside_but_links_to_the_pdb() -> None:
    page = Page(render_report(contents()))
    for tag, attributes in page.elements:
        for name in ("src", "href", "xlink:href"):
            value = attributes.get(name)
            if value is not None:
                allowed = r"data:image/png;base64,[A-Za-z0-9+/=]+|#set-\d+|https://www\.rcsb\.org/structure/[a-z0-9_]+"
                assert re.fullmatch(allowed, value), (tag, value)
    assert "url(" not in render_report(contents()) and "@import" not in render_report(contents())


def test_an_explanation_says_for_whom_each_colour_speaks() -> None:
    pages = contents()
    page = replace(
        pages.sets[0], explained=Explained("6cvm", None, 12.34, png_bytes(np.eye(8, dtype=np.float32)))
    )
    text = " ".join("".join(Page(render_report(replace(pages, sets=(page,)))).text).split())
    assert "why 6cvm rather than no particle" in text
    assert "blue ones for an empty picture; together they make its log-likelihood +12.3" in text


def test_only_pdb_identifiers_are_linked() -> None:
    links = [a.get("href") for tag, a in Page(render_report(contents("my_model"))).elements if tag == "a"]
    assert "https://www.rcsb.org/structure/1aon" in links
    assert not any("my_model" in str(link) for link in links)


def test_the_page_is_written_whole(tmp_path: Path) -> None:
    write_report(tmp_path / "r.html", contents())
    assert [p.name for p in tmp_path.iterdir()] == ["r.html"]
    assert (tmp_path / "r.html").read_text(encoding="utf-8") == render_report(contents())


def test_one_image_and_no_pose_make_a_page_too() -> None:
    bare = replace(
        contents().sets[0], query_image=None, projection=None, directions=None, speaking=None, images=1
    )
    text = render_report(replace(contents(), sets=(bare,), mixture=(), bad_particles=(), particles=1))
    assert '<svg class="sphere"' not in text and "At a glance" not in text and "1 image of" in text


def test_equal_areas_of_the_sphere_are_equal_on_paper() -> None:
    rng = np.random.default_rng(2)
    d = rng.normal(size=(40_000, 3))
    place, upper = discs(d / np.linalg.norm(d, axis=1, keepdims=True))
    radius = np.linalg.norm(place, axis=1)
    assert radius.max() <= 1 + 1e-9
    assert upper.mean() == pytest.approx(0.5, abs=0.01)
    assert (radius < 0.5).mean() == pytest.approx(0.25, abs=0.01)


def test_drawings_are_well_formed_and_finite() -> None:
    poles = np.array([[0, 0, 1.0], [0, 0, -1.0], [1, 0, 0]])
    for svg in (
        sphere_svg(poles),
        mixture_svg([MixtureRow("a<b", 0.0, 0.0, 0.0), MixtureRow("b", 1.0, 0.9, 1.0)]),
    ):
        root = ET.fromstring(svg)
        assert "nan" not in svg and "inf" not in svg
        assert root.attrib["viewBox"]


def test_what_is_left_has_nothing_of_the_projection() -> None:
    rng = np.random.default_rng(3)
    image, projection = rng.normal(size=(2, 30, 30)).astype(np.float32)
    left = difference(image + 2 * projection, projection)
    assert abs(float((left * (projection - projection.mean())).sum())) < 1e-2
    assert png_uri(np.full((8, 8), np.nan, np.float32)).startswith("data:image/png;base64,")
