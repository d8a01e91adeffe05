"""The map of the shape space as a page and through the interface."""

import re
from html import unescape

from fastapi.testclient import TestClient

from emsearch.gallery.shape_map import shape_map
from emsearch_index.catalogue import Catalogue
from emsearch_index.generation import Generation


def test_every_point_leads_to_its_group(page: TestClient) -> None:
    text = page.get("/map").text
    points = re.findall(r'<a class="p m\d c\d" id="p\d" href="([^"]+)"><title>', text)
    assert points == [f"/groups/G{k}" for k in range(5)]
    assert all(page.get(point).status_code == 200 for point in points)
    assert "<script>alert" not in text and "<img src=x" not in text and "&lt;script&gt;alert" in text
    faces = set(re.findall(r'(?:href|src)="(/structures/[^"]+/face\.png)"', text))
    assert len(faces) == 5
    assert all(page.get(face).content.startswith(b"\x89PNG") for face in faces)
    assert page.get("/structures/none/face.png").status_code == 404


def test_size_class_and_colour_are_chosen(page: TestClient) -> None:
    text = page.get("/map", params={"size_class": "d100-200", "colour": "size-class"}).text
    assert 'value="size-class" form="choose" checked' in text and 'value="d100-200" selected' in text
    assert "emsearch map --size-class d100-200 --colour size-class --html map.html" in unescape(text)
    assert page.get("/map?size_class=none").status_code == 422
    assert page.get("/map?colour=none").status_code == 422


def test_the_interface_tells_the_same(page: TestClient, page_generation: Generation) -> None:
    with Catalogue(page_generation.file("catalogue.duckdb")) as catalogue:
        wanted = [(point.group, point.x, point.y) for point in shape_map(catalogue)]
    assert [(p["group"], p["x"], p["y"]) for p in page.get("/api/map").json()] == wanted
    assert "no groups" in page.get("/api/map?size_class=none").json()["detail"]
