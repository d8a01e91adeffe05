"""Which entries to take: simple criteria, asked of the archive's search service.

The service is RCSB's search API (Y. Rose et al., J. Mol. Biol. 433:166704, 2021, doi 10.1016/j.jmb.2020.11.003);
its attributes are those of the schema at https://search.rcsb.org/structure-search-attributes.html.
"""

import re
from dataclasses import dataclass
from typing import Any

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt

from emsearch.archive.downloading import TransientError
from emsearch.archive.identifiers import identifiers_of
from emsearch.archive.politeness import USER_AGENT, pause_seconds
from emsearch_index.errors import IncompleteError, InputError

__all__ = ["SEARCH_ADDRESS", "Criterion", "criteria_of", "find_entries", "request_of"]

SEARCH_ADDRESS = "https://search.rcsb.org/rcsbsearch/v2/query"

_TERM = re.compile(r"\s*(?P<key>[a-z_]+)\s*(?P<relation><=|>=|=)\s*(?P<value>\"[^\"]*\"|[^\s,\"]+)\s*,?")
_RELATIONS = {"<=": "less_or_equal", ">=": "greater_or_equal", "=": "exact_match"}
_NUMBERS = {
    "mass_kda": "rcsb_entry_info.molecular_weight",
    "resolution_angstrom": "rcsb_entry_info.resolution_combined",
    "chains": "rcsb_assembly_info.polymer_entity_instance_count",
    "residues": "rcsb_entry_info.deposited_polymer_monomer_count",
}
_DATES = {"released": "rcsb_accession_info.initial_release_date"}
_TEXTS = {
    "method": "exptl.method",
    "organism": "rcsb_entity_source_organism.ncbi_scientific_name",
}
_METHODS = {
    "em": "ELECTRON MICROSCOPY",
    "xray": "X-RAY DIFFRACTION",
    "nmr": "SOLUTION NMR",
    "electron_crystallography": "ELECTRON CRYSTALLOGRAPHY",
}
_ATTEMPTS = 4
_TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Criterion:
    """One condition on an entry, in the service's words."""

    attribute: str
    operator: str
    value: str | float


def criteria_of(text: str) -> list[Criterion]:
    """Read conditions that must all hold.

    >>> criteria_of("mass_kda >= 250, method = em")
    [Criterion(attribute='rcsb_entry_info.molecular_weight', operator='greater_or_equal', value=250.0),
     Criterion(attribute='exptl.method', operator='exact_match', value='ELECTRON MICROSCOPY')]

    Raises
    ------
    InputError
        What cannot be understood, with what there is.
    """
    found, place = [], 0
    while text[place:].strip():
        term = _TERM.match(text, place)
        if not term:
            raise InputError(
                f"{text[place:].strip()[:60]!r} is no condition; expected NAME>=VALUE, NAME<=VALUE or NAME=VALUE, "
                'such as mass_kda>=250 method=em organism="Homo sapiens"'
            )
        found.append(_criterion(term["key"], term["relation"], term["value"].strip('"')))
        place = term.end()
    if not found:
        raise InputError("the query is empty; give a condition such as mass_kda>=250")
    return found


def _criterion(key: str, relation: str, value: str) -> Criterion:
    operator = _RELATIONS[relation]
    if key in _NUMBERS:
        try:
            return Criterion(_NUMBERS[key], "equals" if relation == "=" else operator, float(value))
        except ValueError as error:
            raise InputError(f"{key} is compared with {value!r}; expected a number") from error
    if key in _DATES:
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value) or relation == "=":
            raise InputError(f"{key}{relation}{value} cannot be asked; expected {key}>=YYYY-MM-DD or <=")
        return Criterion(_DATES[key], operator, value)
    if key in _TEXTS:
        if relation != "=":
            raise InputError(f"{key} can only be asked with =, as in {key}={value}")
        return Criterion(_TEXTS[key], operator, _METHODS.get(value, value) if key == "method" else value)
    names = ", ".join([*_NUMBERS, *_DATES, *_TEXTS])
    raise InputError(f"{key!r} is nothing that can be asked; expected one of {names}")


def request_of(criteria: list[Criterion]) -> dict[str, Any]:
    """Return what is sent to the service: all conditions, on experimental entries, and all hits by identifier."""
    nodes = [
        {
            "type": "terminal",
            "service": "text",
            "parameters": {"attribute": c.attribute, "operator": c.operator, "value": c.value},
        }
        for c in criteria
    ]
    return {
        "query": {"type": "group", "logical_operator": "and", "nodes": nodes},
        "return_type": "entry",
        "request_options": {
            "return_all_hits": True,
            "results_content_type": ["experimental"],
            "sort": [{"sort_by": "rcsb_entry_container_identifiers.entry_id", "direction": "asc"}],
        },
    }


def find_entries(criteria: list[Criterion], address: str = SEARCH_ADDRESS) -> list[str]:
    """Return the identifiers of all entries that meet the criteria.

    Raises
    ------
    IncompleteError
        The service cannot be reached, or answers with something else than hits.
    """
    attempts = Retrying(
        stop=stop_after_attempt(_ATTEMPTS),
        wait=_pause,
        retry=retry_if_exception_type(TransientError),
        reraise=True,
    )
    try:
        return attempts(_ask, request_of(criteria), address)
    except TransientError as error:
        raise IncompleteError(
            f"the search service at {httpx.URL(address).host} gives no answer ({error}); try again later, or give a list"
        ) from error


def _ask(request: dict[str, Any], address: str) -> list[str]:
    try:
        answer = httpx.post(
            address,
            json=request,
            headers={"User-Agent": USER_AGENT},
            timeout=_TIMEOUT_SECONDS,
            follow_redirects=True,
        )
    except httpx.TransportError as error:
        raise TransientError(str(error) or type(error).__name__) from error
    if answer.status_code == 204:
        return []
    if answer.status_code == 429 or answer.status_code >= 500:
        raise TransientError(f"HTTP {answer.status_code}", answer.headers.get("Retry-After"))
    if answer.status_code != 200:
        raise IncompleteError(f"the search service refuses the query (HTTP {answer.status_code})")
    try:
        return identifiers_of(str(hit["identifier"]) for hit in answer.json()["result_set"])
    except (ValueError, KeyError, TypeError) as error:
        raise IncompleteError("the search service's answer is no list of entries") from error


def _pause(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    return pause_seconds(state.attempt_number, getattr(error, "retry_after", None))
