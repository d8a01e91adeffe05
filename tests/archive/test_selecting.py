import pytest

from emsearch.archive import politeness
from emsearch.archive.identifiers import identifiers_of, read_identifiers
from emsearch.archive.mirrors import Mirror
from emsearch.archive.selecting import criteria_of, find_entries, request_of
from emsearch_index.errors import IncompleteError, InputError, UsageError
from tests.archive.conftest import Archive


@pytest.fixture(autouse=True)
def _quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(politeness, "_FIRST_PAUSE_SECONDS", 0.01)


def test_criteria_become_a_request(archive: Archive) -> None:
    archive.hits = ["1AON", "6CVM"]
    criteria = criteria_of(
        'mass_kda>=250, method=xray resolution_angstrom <= 3.5 released>=2020-01-31 organism="Homo sapiens"'
    )
    assert find_entries(criteria, archive.search) == ["1aon", "6cvm"]
    (asked,) = archive.queries
    assert asked == request_of(criteria)
    assert [node["parameters"]["value"] for node in asked["query"]["nodes"]] == [
        250.0,
        "X-RAY DIFFRACTION",
        3.5,
        "2020-01-31",
        "Homo sapiens",
    ]
    assert asked["request_options"]["return_all_hits"] is True


def test_no_hits_and_a_busy_service(archive: Archive) -> None:
    criteria = criteria_of("chains=24")
    assert find_entries(criteria, archive.search) == []
    archive.faults["search"] = ["503", "429"]
    assert find_entries(criteria, archive.search) == []
    archive.faults["search"] = ["400"]
    with pytest.raises(IncompleteError, match="refuses the query"):
        find_entries(criteria, archive.search)
    archive.faults["search"] = ["500"] * 4
    with pytest.raises(IncompleteError, match="gives no answer"):
        find_entries(criteria, archive.search)
    archive.hits = ["../../etc/passwd"]
    with pytest.raises(IncompleteError, match="no list of entries"):
        find_entries(criteria, archive.search)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the query is empty"),
        ("mass_kda", "is no condition"),
        ("mass_kda > 250", "is no condition"),
        ("mass_kda>=heavy", "expected a number"),
        ("weight>=3", "nothing that can be asked; expected one of mass_kda"),
        ("method>=em", "only be asked with ="),
        ("released>=2020", "expected released>=YYYY-MM-DD"),
        ("released=2020-01-01", "cannot be asked"),
    ],
)
def test_what_cannot_be_asked(text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        criteria_of(text)


def test_lists_of_identifiers(tmp_path: "object") -> None:
    from pathlib import Path

    path = Path(str(tmp_path)) / "list.txt"
    path.write_text("# large ones\n1AON  6cvm # GroEL\n\n4v4r,1aon\n")
    assert read_identifiers(path) == ["1aon", "6cvm", "4v4r"]
    path.write_text("1aon\n../../x\n")
    with pytest.raises(InputError, match=r"list\.txt, line 2: '\.\./\.\./x' is no PDB identifier"):
        read_identifiers(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_identifiers(path.with_name("none"))
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="cannot be read"):
        read_identifiers(path)
    with path.open("wb") as stream:
        stream.truncate(20_000_000)
    with pytest.raises(InputError, match="bytes large"):
        read_identifiers(path)


@pytest.mark.parametrize("word", ["aon1", "1ao", "1aonn", "1a/n", "pdb_12345678", "1ä0n", "1aon\n2x"])
def test_what_is_no_identifier(word: str) -> None:
    with pytest.raises(InputError, match="no PDB identifier"):
        identifiers_of([word])


@pytest.mark.parametrize(
    "root", ["ftp://x/pub/pdb", "files.wwpdb.org", "file:///etc", "https:///x", "https://x/?a"]
)
def test_what_is_no_mirror(root: str) -> None:
    with pytest.raises(UsageError, match="is no mirror"):
        Mirror(root)
