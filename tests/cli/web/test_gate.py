"""Who gets in: the token, the names that are ours, the origin, and the headers of whatever is answered."""

from collections.abc import Callable, Iterator

import pytest
from fastapi.testclient import TestClient

from emsearch_cli.web.gate import HEADERS

TOKEN = "the-token-of-the-tests"
OWN = "http://127.0.0.1:8600"
PATHS = (
    "/",
    "/groups",
    "/map",
    "/sql",
    "/explanations/x",
    "/structures/blob0",
    "/api/index",
    "/api/map",
    "/api/questions",
    "/api/openapi.json",
    "/nothing",
)


@pytest.fixture
def stranger(page: TestClient) -> Iterator[TestClient]:
    """Return a client that does not know the token."""
    known = page.headers.pop("authorization")
    yield page
    page.headers["authorization"] = known
    page.cookies.clear()


@pytest.mark.parametrize("path", PATHS)
def test_nothing_without_the_token(stranger: TestClient, path: str) -> None:
    for headers in ({}, {"authorization": "Bearer wrong"}, {"cookie": "emsearch=wrong"}, {"cookie": "=;;"}):
        response = stranger.get(path, headers=headers)
        assert response.status_code == 401
        assert response.headers["www-authenticate"] == "Bearer"
        assert "emsearch serve" in response.text and TOKEN not in response.text
    assert stranger.get(path, params={"token": "wrong"}).status_code == 401


def test_the_token_becomes_a_cookie_and_leaves_the_address(stranger: TestClient) -> None:
    response = stranger.get("/groups", params={"token": TOKEN, "text": "a b"})
    assert response.status_code == 303
    assert response.headers["location"] == "/groups?text=a+b"
    cookie = response.headers["set-cookie"]
    assert "HttpOnly" in cookie and "samesite=strict" in cookie.lower() and "Path=/" in cookie
    assert stranger.get("/groups").status_code == 200


def test_the_redirect_stays_here(stranger: TestClient) -> None:
    response = stranger.get(f"{OWN}//evil.example/?token={TOKEN}")
    assert response.headers["location"] == "/evil.example/"


def test_the_token_in_the_address_changes_nothing(stranger: TestClient) -> None:
    assert stranger.post(f"/searches?token={TOKEN}", headers={"origin": OWN}).status_code == 401
    assert stranger.get(f"/sql?statement=SELECT+1&token={TOKEN}").status_code == 303


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8600", "127.0.0.1.evil.example", "localhost.evil", "", "[::1", "a@b"],
)
def test_a_foreign_name_is_refused(page: TestClient, host: str) -> None:
    for path in PATHS:
        response = page.get(path, headers={"host": host})
        assert response.status_code == 403 and "printed" in response.text


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8600", "localhost:9000", "LOCALHOST", "[::1]:8600", "192.168.0.7"]
)
def test_our_names_are_ours(page: TestClient, host: str) -> None:
    # a port that was forwarded has another number; an address in figures is nobody's to point elsewhere
    assert page.get("/api/index", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "https://127.0.0.1:8600", "http://127.0.0.1:8601"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_foreign_origin_is_refused(page: TestClient, origin: str, method: str) -> None:
    for path in ("/api/searches/x", "/api/explanations/x", "/searches/x/1/explanations", "/map"):
        response = page.request(method, path, headers={"origin": origin})
        assert response.status_code == 403 and "another site" in response.text


def test_a_form_must_say_where_it_is_from(stranger: TestClient) -> None:
    stranger.cookies.set("emsearch", TOKEN)
    assert stranger.post("/searches").status_code == 403
    assert stranger.post("/searches", headers={"origin": OWN}).status_code == 422  # there is no image
    assert stranger.post("/searches", headers={"authorization": f"Bearer {TOKEN}"}).status_code == 422


def test_every_response_has_the_headers(serve_page: Callable[..., TestClient]) -> None:
    page = serve_page(form_bytes=10)
    responses = [page.get(path) for path in (*PATHS, "/static/style.css", "/static/nothing.js")]
    responses += [
        page.get("/", headers={"host": "evil.example"}),
        page.get("/", headers={"authorization": ""}),
        page.post("/api/sql", json={"statement": "SELECT 1"}),
        page.post("/nothing"),
        page.request("TRACE", "/"),
    ]
    assert {response.status_code for response in responses} == {200, 401, 403, 404, 405, 413}
    for response in responses:
        for name, value in HEADERS.items():
            assert response.headers.get_list(name) == [value]
        assert response.headers["cache-control"] in ("no-store", "no-cache")
        assert "server" not in response.headers


def test_a_method_that_is_not_there_is_told_which_are(page: TestClient) -> None:
    refused = page.request("PUT", "/api/searches/x")
    assert refused.status_code == 405 and refused.headers["allow"] == "DELETE, GET"
    assert "PUT" in refused.json()["detail"]


def test_no_page_needs_an_exception_from_the_policy(page: TestClient) -> None:
    policy = HEADERS["content-security-policy"]
    assert "unsafe" not in policy and "http" not in policy and "data:" not in policy
    for path in ("/", "/groups", "/groups/G0", "/structures/blob0", "/map", "/sql", "/sql?question=rods"):
        text = page.get(path).text
        assert "<style" not in text and " style=" not in text and "javascript:" not in text
        assert text.count("<script") == text.count('<script src="/static/')


def test_a_fault_of_the_program_is_told_without_its_details(
    page: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: object, **options: object) -> None:
        raise RuntimeError("/secret/path")

    monkeypatch.setattr("emsearch_cli.web.catalogue_pages.group_of", broken)
    response = page.get("/groups/G0")
    assert response.status_code == 500 and "RuntimeError" in response.text and "secret" not in response.text
    assert response.headers["content-security-policy"] == HEADERS["content-security-policy"]
