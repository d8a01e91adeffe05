"""Groups, structures and SQL in the browser and through the interface."""

import hashlib
import io
import json
import re
from html import unescape
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from fastapi.testclient import TestClient

import emsearch_cli.web

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


def test_groups_are_listed_and_found(page: TestClient) -> None:
    text = page.get("/groups").text
    assert "5 groups" in text and all(f"/groups/G{k}" in text for k in range(5))
    found = page.get("/groups", params={"text": "LOBES 3"}).text
    assert "1 group<" in found and "/groups/G3" in found and "ILIKE" in found
    assert "No group of the class none." in page.get("/groups?size_class=none").text
    assert page.get("/groups?page=2").status_code == 200
    for bad in ("sort=title%3BDROP", "page=0", "page=x", "text=" + "x" * 300):
        assert page.get(f"/groups?{bad}").status_code == 422


@pytest.mark.parametrize(
    "path", ["/groups", "/groups/G0", "/structures/blob0", "/groups?text=%3Cscript%3Ealert"]
)
def test_titles_are_escaped(page: TestClient, path: str) -> None:
    text = page.get(path).text
    assert "<script>alert" not in text and "<img src=x" not in text
    assert "&lt;script&gt;alert" in text


def test_a_group_and_a_structure(page: TestClient) -> None:
    group = page.get("/groups/g1").text
    assert "emsearch show G1" in group and "/structures/blob1/model.cif" in group and "0.500" in group
    structure = page.get("/structures/blob1").text
    assert "rg_angstrom" in structure and "22 kDa" in structure and "/structures/blob1/2.png" in structure
    assert page.get("/structures/blob1/2.png").content.startswith(b"\x89PNG")
    assert page.get("/structures/blob1/model.cif").text.count("ATOM") == 200
    for missing in ("/groups/none", "/structures/none", "/structures/blob1/3.png", "/structures/none/0.png"):
        assert page.get(missing).status_code == 404


def test_the_interface_tells_the_same(page: TestClient) -> None:
    assert page.get("/api/index").json()["groups"] == 5
    listed = page.get("/api/groups", params={"sort": "-dmax_angstrom", "count": 2, "first": 1}).json()
    assert listed["total"] == 5 and [g["id"] for g in listed["groups"]] == ["G3", "G2"]
    assert page.get("/api/groups?sort=nothing").status_code == 422
    group = page.get("/api/groups/G0").json()
    assert group["name"] == HOSTILE and [m["structure"] for m in group["members"]] == ["blob0"]
    assert group["nearest_groups"][0]["group"] == "G1"
    structure = page.get("/api/structures/blob0").json()
    assert structure["title"] == HOSTILE and structure["chain_kinds"][0]["entity"] == HOSTILE
    assert page.get("/api/structures/none").status_code == 404


def test_sql_of_strangers(page: TestClient) -> None:
    hostile = (
        f"SELECT '{HOSTILE.replace(chr(39), chr(39) * 2)}' AS \"<b>\", id FROM structures ORDER BY id LIMIT 2"
    )
    text = page.get("/sql", params={"statement": hostile}).text
    assert "2 rows" in text and "<script>alert" not in text and "<img src=x" not in text and "<b>" not in text
    assert "emsearch sql" in text
    lines = page.get("/sql", params={"statement": "SELECT 1\r\nAS a"}).text
    assert "\N{REPLACEMENT CHARACTER}" not in lines and "SELECT 1\nAS a" in unescape(lines)
    response = page.get("/sql", params={"statement": "SELECT * FROM read_text('/etc/passwd')"})
    assert response.status_code == 422 and 'role="alert"' in response.text
    refused = page.post("/api/sql", json={"statement": "DROP TABLE structures"})
    assert refused.status_code == 422 and "not allowed" in refused.json()["detail"]
    assert "Tables" in page.get("/sql").text


def test_results_can_be_downloaded(page: TestClient) -> None:
    statement = {"statement": "SELECT id, dmax_angstrom FROM structures ORDER BY id"}
    files = {form: page.get(f"/sql/result.{form}", params=statement) for form in ("csv", "json", "parquet")}
    for form, response in files.items():
        assert response.headers["content-disposition"] == f'attachment; filename="result.{form}"'
    assert files["csv"].text.splitlines()[:2] == ["id,dmax_angstrom", "blob0,150.0"]
    records = json.loads(files["json"].text)
    assert records == pq.read_table(io.BytesIO(files["parquet"].content)).to_pylist()
    found = page.post("/api/sql", json={**statement, "rows": 2}).json()
    assert found["truncated"] and found["rows"] == [list(record.values()) for record in records[:2]]
    assert page.get("/sql/result.exe", params=statement).status_code == 404
    assert page.get("/sql/result.csv", params={"statement": "SELECT"}).status_code == 422


def test_the_document_of_the_interface_is_whole(page: TestClient) -> None:
    document = page.get("/api/openapi.json").json()
    assert all(path.startswith("/api/") for path in document["paths"])
    for operations in document["paths"].values():
        for operation in operations.values():
            assert operation["summary"] and {"401", "403"} <= operation["responses"].keys()


def test_what_is_vendored_is_what_its_page_says() -> None:
    folder = Path(emsearch_cli.web.__file__).parent / "static"
    (stated,) = re.findall(r"file's sha256 \| `([0-9a-f]{64})`", (folder / "README.md").read_text("utf-8"))
    assert hashlib.sha256((folder / "3Dmol-min.js").read_bytes()).hexdigest() == stated
    assert "BSD-3-Clause" in (folder / "3Dmol-LICENSE.txt").read_text("utf-8")
