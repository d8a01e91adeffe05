"""The interface answers as its own document says, whatever it is asked: schemathesis makes the requests.

Needs the extra `web-tests`; skipped where it is absent.
"""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings

schemathesis = pytest.importorskip(
    "schemathesis", reason="schemathesis is not installed: pip install 'emsearch[web-tests]'"
)

AS_PROGRAM = {"Authorization": "Bearer the-token-of-the-tests"}
EVERY = [
    *("GET /api/index", "GET /api/map", "GET /api/questions", "POST /api/sql"),
    *("GET /api/groups", "GET /api/groups/{group_id}", "GET /api/structures/{structure_id}"),
    *("POST /api/searches", "GET /api/searches/{search_id}", "DELETE /api/searches/{search_id}"),
    "GET /api/searches/{search_id}/{image}/{rank}/model",
    "POST /api/searches/{search_id}/{image}/explanations",
    *("GET /api/explanations/{explanation_id}", "GET /api/explanations/{explanation_id}/picture"),
    "DELETE /api/explanations/{explanation_id}",
]

# What no schema tells, as that a text is SQL, may be refused: 422.
CHOOSY = ("POST /api/sql", "POST /api/searches", "GET /api/map")


@pytest.fixture(scope="module")
def operations(address: str) -> dict[str, Any]:
    schema = schemathesis.openapi.from_url(f"{address}/api/openapi.json", headers=AS_PROGRAM)
    return {operation.ok().label: operation.ok() for operation in schema.get_all_operations()}


@pytest.fixture(scope="module")
def there(address: str, mrc_file: Callable[..., Path]) -> Iterator[dict[str, Any]]:
    """Return names of what is there, by what addresses call them."""
    with httpx.Client(base_url=address, headers=AS_PROGRAM, timeout=60) as client:
        image = {"image": ("a.mrcs", mrc_file().read_bytes())}
        search = client.post("/api/searches?wait=60", files=image).json()["id"]
        explained = client.post(f"/api/searches/{search}/1/explanations?wait=60", json={"hit": 1}).json()
    yield {
        **{"search_id": search, "explanation_id": explained["id"], "image": 1, "rank": 1},
        **{"group_id": "G1", "structure_id": "blob1"},
    }


def test_all_of_it_is_asked(operations: dict[str, Any]) -> None:
    assert sorted(operations) == sorted(EVERY)


@pytest.mark.parametrize("mode", ["positive", "negative"])
@pytest.mark.parametrize("label", EVERY)
def test_answers_are_as_the_document_says(
    operations: dict[str, Any], there: dict[str, Any], label: str, mode: str
) -> None:
    from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

    generation = schemathesis.GenerationMode(mode)
    if mode == "negative" and not operations[label].iter_parameters() and not operations[label].body:
        pytest.skip("nothing in it can be wrong")
    turns = itertools.cycle((True, False))

    @settings(
        max_examples=12,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operations[label].as_strategy(generation_mode=generation))
    def ask(case: Any) -> None:
        if mode == "positive" and next(turns) and case.method != "DELETE":
            case.path_parameters = {name: there[name] for name in case.path_parameters or {}}
        excluded = [positive_data_acceptance] if label in CHOOSY else []
        if case.method == "GET":
            excluded.append(negative_data_rejection)  # parameters that nobody asked for are passed over
        case.call_and_validate(headers=AS_PROGRAM, excluded_checks=excluded)

    ask()
