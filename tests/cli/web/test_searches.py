"""From an upload to an answer, and what cannot be one."""

import io
import re
import threading
import time
from collections.abc import Callable
from html import unescape
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from numpy.typing import NDArray
from PIL import Image

from emsearch.batch.library import Index
from emsearch.search.engine import SearchIndex
from emsearch_cli.render import answer_to_json

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
HOSTILE_NAME = "../../etc/<img src=x onerror=alert(3)>\"'.mrcs"


def png(image: NDArray[np.float32]) -> bytes:
    low, high = float(image.min()), float(image.max())
    content = io.BytesIO()
    Image.fromarray(((image - low) / (high - low) * 255).astype(np.uint8)).save(content, "PNG")
    return content.getvalue()


def test_the_interface_answers_as_the_library(
    page: TestClient, mrc_file: Callable[..., Path], particle: NDArray[np.float32], pooling_index: SearchIndex
) -> None:
    response = page.post(
        "/api/searches?wait=60",
        files={"image": ("a.mrcs", mrc_file().read_bytes())},
        data={"pixel_size_angstrom": "4.5", "contrast": "bright", "top": "3"},
    )
    assert response.status_code == 202
    found = response.json()
    (ours,) = Index(pooling_index).search(particle, pixel_size_angstrom=4.5, contrast="bright", top=3)
    wanted = answer_to_json(ours)
    assert found["state"] == "done" and found["problem"] is None and found["images"] == 1
    (answer,) = found["answers"]
    assert answer["query"] == {
        "path": "a.mrcs",
        "image": 1,
        "pixel_size_angstrom": 4.5,
        "pixel_size_source": "option",
        "contrast": "bright",
    }
    assert answer.keys() == wanted.keys() and answer["index"] == wanted["index"]
    assert answer["undecided"] == wanted["undecided"]
    assert answer["in_database_probability"] == pytest.approx(wanted["in_database_probability"], abs=1e-3)
    # the sums of another thread are rounded otherwise
    for given, hit in zip(answer["hits"], wanted["hits"], strict=True):
        assert given.keys() == hit.keys() and given["group"] == hit["group"]
        assert given["probability"] == pytest.approx(hit["probability"], abs=1e-3)
        assert given["view"]["quaternion"] == pytest.approx(hit["view"]["quaternion"], abs=1e-2)
    assert answer["hits"][0]["representative"] == "blob2"
    assert page.get(response.headers["location"]).json() == found


def test_a_page_from_form_to_hits(page: TestClient, mrc_file: Callable[..., Path]) -> None:
    assert 'name="pixel_size_angstrom"' in page.get("/").text
    response = page.post(
        "/searches",
        files={"image": (HOSTILE_NAME, mrc_file().read_bytes())},
        data={"pixel_size_angstrom": "", "contrast": "auto", "top": "5", "rerank": "150"},
    )
    assert response.status_code == 303
    where = response.headers["location"]
    answer = page.get(where)
    assert answer.status_code == 200
    text = answer.text
    assert "blob2" in text and "none of these" in text and "in the database" in text
    assert "<img src=x" not in text and "<script>" not in text and HOSTILE not in text
    assert 'emsearch query "<img src=x onerror=alert(3)>' in unescape(text)
    assert "MRC header" in text  # where the pixel size is from
    assert "<img src=x" not in page.get("/").text  # among the recent ones
    pictures = re.findall(rf'src="({where}/1/[^"]+\.png)"', text)
    assert len(pictures) >= 3
    for path in pictures:
        picture = page.get(path)
        assert picture.headers["content-type"] == "image/png" and picture.content.startswith(b"\x89PNG")
    model = page.get(f"{where}/1/1/model.cif")
    assert model.headers["content-type"] == "chemical/x-mmcif" and model.text.count("ATOM") == 200
    assert page.get(f"/api{where}/1/1/model").text == model.text
    for missing in ("/2", "/1/99/model.cif", "/1/1/other.png", "/2/image.png", "/0"):
        assert page.get(where + missing).status_code in (404, 422)


def test_a_stack_is_searched_so_far(
    serve_page: Callable[..., TestClient], mrc_file: Callable[..., Path]
) -> None:
    page = serve_page(images=2)
    response = page.post(
        "/searches", files={"image": ("s.mrcs", mrc_file(3).read_bytes())}, data={"rerank": "0"}
    )
    text = page.get(response.headers["location"]).text
    assert "<h1>2 images</h1>" in text and f"{response.headers['location']}/2" in text
    second = page.get(f"{response.headers['location']}/2").text
    assert "emsearch query 2@s.mrcs --rerank 0" in unescape(second)
    assert "none has a pose" in second


def test_the_upload_is_gone_once_it_was_read(page: TestClient, mrc_file: Callable[..., Path]) -> None:
    uploads = _uploads(page)
    page.post("/api/searches?wait=30", files={"image": ("a.mrcs", mrc_file().read_bytes())})
    page.post("/api/searches", files={"image": ("a.png", b"no image")})
    assert list(uploads.iterdir()) == []


def _uploads(page: TestClient) -> Path:
    folder = page.app._app._app.state.site.uploads  # type: ignore[attr-defined]
    assert isinstance(folder, Path) and folder.stat().st_mode & 0o77 == 0
    return folder


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"not an image at all", "is a text file"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 64, "PNG"),
        (png(np.eye(8, dtype=np.float32)), "8 x 8 px"),
        (b"", "choose a file"),
    ],
)
def test_a_bad_image_is_one_sentence(page: TestClient, content: bytes, says: str) -> None:
    for path in ("/searches", "/api/searches"):
        response = page.post(path, files={"image": ("<b>x</b>.png", content)})
        assert response.status_code == 422
        assert says in response.text and "<b>" not in response.text.replace('"<b>x</b>.png', "")
        assert "/tmp" not in response.text


def test_what_was_filled_in_is_kept_beside_a_bad_image(page: TestClient) -> None:
    asked = {"pixel_size_angstrom": "3.5", "contrast": "dark", "top": "7", "rerank": '"><b>x'}
    text = page.post("/searches", files={"image": ("a.png", b"no image")}, data=asked).text
    assert 'value="3.5"' in text and 'value="dark" checked' in text and 'value="7"' in text
    assert "<b>x" not in text


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"pixel_size_angstrom": "0"}, "greater than or equal to 0.01"),
        ({"pixel_size_angstrom": "nan"}, "pixel_size_angstrom"),
        ({"pixel_size_angstrom": "101"}, "less than or equal to 100"),
        ({"contrast": HOSTILE}, "contrast"),
        ({"top": "1e9"}, "top"),
        ({"rerank": "-1"}, "rerank"),
        ({"other": "1"}, "other"),
        ({"top": "9" * 2000}, "size"),
    ],
)
def test_a_bad_field_is_one_sentence(
    page: TestClient, mrc_file: Callable[..., Path], fields: dict[str, str], says: str
) -> None:
    files = {"image": ("a.mrcs", mrc_file().read_bytes())}
    for path in ("/searches", "/api/searches"):
        response = page.post(path, files=files, data=fields)
        assert response.status_code in (400, 422) and says in response.text
        assert "<script>alert" not in response.text or response.headers["content-type"] == "application/json"


def test_the_queue_refuses_before_it_reads(
    serve_page: Callable[..., TestClient], mrc_file: Callable[..., Path], pooling_index: SearchIndex
) -> None:
    opened = threading.Event()

    def slowly() -> SearchIndex:
        assert opened.wait(30)
        return pooling_index

    page = serve_page(slowly, waiting=2, held_seconds=0.01)
    files = {"image": ("a.mrcs", mrc_file().read_bytes())}
    first, second = (page.post("/api/searches", files=files).json() for _ in range(2))
    assert (first["state"], second["before"]) == ("waiting", 1)
    assert page.get("/api/index").json()["ready"] is False
    assert "is being loaded" in page.get("/").text
    held = page.get(f"/searches/{second['id']}")
    assert "begins when it is there" in held.text and held.headers["refresh"] == "1"
    for path in ("/api/searches", "/searches"):
        refused = page.post(path, files=files)
        assert refused.status_code == 503 and int(refused.headers["retry-after"]) >= 1
        assert "waiting already" in refused.text
    assert page.delete(f"/api/searches/{second['id']}").status_code == 204
    assert page.get(f"/api/searches/{second['id']}").status_code == 404
    opened.set()
    assert page.get(f"/api/searches/{first['id']}?wait=60").json()["state"] == "done"
    assert page.post("/api/searches?wait=60", files=files).json()["state"] == "done"


def test_answers_are_kept_for_a_while(
    serve_page: Callable[..., TestClient], mrc_file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {"image": ("a.mrcs", mrc_file().read_bytes())}
    page = serve_page(kept=2)

    def search() -> str:
        return str(page.post("/api/searches?wait=60", files=files, data={"rerank": "0"}).json()["id"])

    ids = [search() for _ in range(3)]
    assert [page.get(f"/searches/{name}").status_code for name in ids] == [404, 200, 200]
    now = time.monotonic()
    monkeypatch.setattr("emsearch_cli.web.searches.time.monotonic", lambda: now + 4000)
    assert page.get(f"/searches/{ids[2]}").status_code == 404


def test_an_index_that_does_not_open_stops_the_page(serve_page: Callable[..., TestClient]) -> None:
    def broken() -> SearchIndex:
        raise OSError("no disk")

    page = serve_page(broken)
    assert page.get("/api/index").json()["ready"] is False
