"""Why an image matched a hit: queued like a search, shown as a picture with its figures."""

from collections.abc import Callable, Iterator
from html import unescape
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from emsearch.network.model import ShapeNetwork
from emsearch.search.engine import SearchIndex


@pytest.fixture(autouse=True)
def with_network(pooling_index: SearchIndex, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give the index a network, untrained, to be asked for its odds."""
    monkeypatch.setattr(pooling_index, "network", ShapeNetwork(5, width=8).eval(), raising=False)
    yield


@pytest.fixture(scope="module")
def searched(page: TestClient, mrc_file: Callable[..., Path]) -> dict[str, Any]:
    files = {"image": ("<i>a.mrcs", mrc_file().read_bytes())}
    found: dict[str, Any] = page.post("/api/searches?wait=60", files=files).json()
    return found


def test_a_hit_is_explained_on_a_page(page: TestClient, searched: dict[str, Any]) -> None:
    base = f"/searches/{searched['id']}/1"
    assert f'action="{base}/explanations"' in page.get(base).text
    asked = page.post(f"{base}/explanations", data={"hit": "1", "rather_than": "2"})
    assert asked.status_code == 303
    where = asked.headers["location"]
    while "refresh" in (shown := page.get(where)).headers:
        assert "<h1>Explaining</h1>" in shown.text
    text = unescape(shown.text)
    first, second = (hit["representative"] for hit in searched["answers"][0]["hits"][:2])
    assert f"Why {first} rather than {second}?" in text and "log-likelihood" in text
    groups = [hit["group"] for hit in searched["answers"][0]["hits"][:2]]
    assert f"emsearch explain '<i>a.mrcs' --hit {groups[0]} --rather-than {groups[1]} -o why" in text
    assert "<i>a" not in shown.text
    wide, narrow = (page.get(f"{where}/{name}.png") for name in ("picture", "narrow"))
    assert wide.headers["content-type"] == narrow.headers["content-type"] == "image/png"
    sizes = [Image.open(BytesIO(picture.content)).size for picture in (wide, narrow)]
    assert (
        sizes[0][0] > 3 * sizes[0][1] and sizes[1][0] < sizes[1][1]
    )  # four beside one another, and two by two


def test_the_interface_tells_the_same(page: TestClient, searched: dict[str, Any]) -> None:
    response = page.post(f"/api/searches/{searched['id']}/1/explanations?wait=60", json={"hit": 1})
    state = response.json()
    assert response.status_code == 202 and state["state"] == "done", state["problem"]
    assert state["search"] == searched["id"] and state["explained"]["rather_than"] is None
    (image,) = state["explained"]["images"]
    assert image["log_likelihood"] > 0 and image["image"] == 1
    where = response.headers["location"]
    assert page.get(where).json() == state
    assert page.get(f"{where}/picture").content.startswith(b"\x89PNG")
    assert page.delete(where).status_code == 204
    assert page.get(where).status_code == page.get(f"{where}/picture").status_code == 404


def test_what_is_not_there_is_not_explained(page: TestClient, searched: dict[str, Any]) -> None:
    base = f"/searches/{searched['id']}"
    for path, body, status in (
        (f"{base}/1", {"hit": 99}, 422),
        (f"{base}/1", {"hit": 25}, 404),
        (f"{base}/2", {"hit": 1}, 404),
        ("/searches/none/1", {"hit": 1}, 404),
        (f"{base}/1", {"hit": 2, "rather_than": 2}, 422),
    ):
        assert page.post(f"/api{path}/explanations", json=body).status_code == status
    assert page.post(f"{base}/1/explanations", data={"hit": "x"}).status_code == 422
    assert page.get(f"/explanations/{searched['id']}").status_code == 404


def test_an_explanation_waits_its_turn(
    serve_page: Callable[..., TestClient], mrc_file: Callable[..., Path]
) -> None:
    page = serve_page(waiting=1, held_seconds=0.0)
    files = {"image": ("a.mrcs", mrc_file().read_bytes())}
    found = page.post("/api/searches?wait=60", files=files).json()
    address = f"/api/searches/{found['id']}/1/explanations"
    statuses = [page.post(address, json={}).status_code for _ in range(4)]
    assert statuses[0] == 202 and 503 in statuses
