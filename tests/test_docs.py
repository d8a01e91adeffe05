"""The documentation is a contract: its blocks run, and its reference is what the programs print."""

import importlib.util
import itertools
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
import typer

import emsearch
from emsearch_cli.app import app
from emsearch_cli.catalogue_reference import catalogue_reference
from emsearch_cli.reference import reference
from emsearch_index.catalogue import Catalogue
from emsearch_index.generation import default_index_dir, open_generation
from tests.docs_blocks import PAGES, ROOT, Block, blocks_of, name_of
from tests.docs_worker import ask, client_program

BLOCKS = [block for page in PAGES for block in blocks_of(page)]
PROGRAMS = {page: [b for b in blocks_of(page) if not b.reason and b.language != "sql"] for page in PAGES}
STATEMENTS = [block for block in BLOCKS if not block.reason and block.language == "sql"]
VERBS = sorted(typer.main.get_command(app).commands)  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    """Return the environment of a shell in which this source is installed.

    One thread: where other programs run too, several wait for one another, spinning, and take many times as long.
    """
    paths = os.pathsep.join(str(ROOT / part) for part in (".", "index", "cli"))
    own = {k: v for k, v in os.environ.items() if k != "EMSEARCH_INDEX"}
    return {**own, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Iterator[Path]:
    """Return the socket of a process that runs blocks, which all pages share."""
    place = tmp_path_factory.mktemp("worker") / "socket"
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.docs_worker", str(place)], cwd=ROOT, env=environment
    )
    while not place.exists() and process.poll() is None:
        time.sleep(0.01)
    yield place
    process.terminate()
    process.wait(timeout=30)


@pytest.fixture
def desk(tmp_path: Path, worker: Path) -> Path:
    """Return a folder that looks like the project's root, may be written to, and has a program `emsearch`."""
    for entry in ROOT.iterdir():
        if not entry.name.startswith("."):
            (tmp_path / entry.name).symlink_to(entry)
    program = tmp_path / ".bin" / "emsearch"
    program.parent.mkdir()
    program.write_text(client_program(worker), encoding="utf-8")
    program.chmod(0o755)
    return tmp_path


@pytest.fixture
def run(desk: Path, worker: Path, environment: dict[str, str]) -> Callable[[Block], tuple[int, str]]:
    """Return what runs a block at the desk and gives its exit code and what it said."""
    path = f"{desk / '.bin'}{os.pathsep}{os.environ['PATH']}"
    told = {**environment, "PATH": path}

    def run_block(block: Block) -> tuple[int, str]:
        said = desk / ".said"
        with said.open("wb") as output:
            if block.language == "bash":
                command = ["bash", "-eu", "-c", block.text]
                done = subprocess.run(command, cwd=desk, env=told, stdout=output, stderr=output, timeout=300)
                code = done.returncode
            else:
                asked = {"python": block.text, "page": name_of(block.page)}
                code = ask(worker, {"folder": str(desk), "environment": told, **asked}, output.fileno())
        return code, said.read_text(encoding="utf-8", errors="replace")

    return run_block


@pytest.mark.parametrize("page", [page for page, blocks in PROGRAMS.items() if blocks], ids=name_of)
def test_blocks_of_a_page_run_in_their_order(page: Path, run: Callable[[Block], tuple[int, str]]) -> None:
    if not (default_index_dir() / "CURRENT").exists():
        pytest.skip("the index that ships is not there: it was not built yet")
    if shutil.which("bash") is None:
        pytest.skip("bash is not there")
    for block in PROGRAMS[page]:
        code, said = run(block)
        assert code == 0, f"{block}\n{block.text}\n{said}"


@pytest.fixture(scope="module")
def shipped_catalogue() -> Iterator[Catalogue]:
    if not (default_index_dir() / "CURRENT").exists():
        pytest.skip("the index that ships is not there: it was not built yet")
    with Catalogue.guarded(open_generation(default_index_dir()).file("catalogue.duckdb"), 512) as opened:
        yield opened


@pytest.mark.parametrize("block", STATEMENTS, ids=str)
def test_statement_has_an_answer(block: Block, shipped_catalogue: Catalogue) -> None:
    """The blocks of SQL are asked as strangers' statements are, the index that ships, in one process for all."""
    _, _, rows = shipped_catalogue.select(block.text, {})
    assert 0 < len(list(rows)) <= 10_000


def test_a_block_is_found_and_can_be_opted_out(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "```bash\nemsearch info\n```\n<!-- not run: slow -->\n```bash\nemsearch build x\n```\n"
        "```text\nno code\n```\n```sql\nSELECT 1\n```\n"
        "- item\n\n  ```python\n  1 + 1\n  ```\n",
        encoding="utf-8",
    )
    blocks = blocks_of(page)
    assert [(block.language, block.reason) for block in blocks] == [
        ("bash", ""),
        ("bash", "slow"),
        ("sql", ""),
        ("python", ""),
    ]
    assert blocks[3].text == "1 + 1"


def test_a_block_that_fails_is_noticed(tmp_path: Path, run: Callable[[Block], tuple[int, str]]) -> None:
    unknown = Block(tmp_path, 1, "bash", "emsearch show nothing | cat > /dev/null; emsearch show nothing", "")
    code, said = run(unknown)
    assert code == 2 and "nothing" in said
    code, said = run(Block(tmp_path, 1, "python", "raise ValueError('broken')", ""))
    assert code == 1 and "broken" in said


def test_site_builds_without_a_warning_and_loads_nothing(tmp_path: Path, environment: dict[str, str]) -> None:
    if any(importlib.util.find_spec(name) is None for name in ("sphinx", "myst_parser", "furo")):
        pytest.skip("Sphinx is not there: pip install -e '.[docs]'")
    site = tmp_path / "site"
    command = [sys.executable, "-m", "sphinx", "-W", "-n", "-q", "docs", str(site)]
    built = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert built.returncode == 0, built.stderr
    pages = sorted(site.rglob("*.html"))
    assert {site / "index.html", site / "reference/python.html"} <= set(pages)
    assert not [f"{page.relative_to(site)}: {what}" for page in pages for what in outside_of(page)]


class Assets(HTMLParser):
    """Collects what a page makes a browser fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.found += [named.get("src") or "", named.get("srcset") or "", named.get("data") or ""]
        if tag == "link" and named.get("rel") not in (
            "canonical",
            "author",
            "search",
            "index",
            "next",
            "prev",
        ):
            self.found.append(named.get("href") or "")


def outside_of(page: Path) -> list[str]:
    """Return the addresses in other places that a page loads something from."""
    text = page.read_text(encoding="utf-8")
    assets = Assets()
    assets.feed(text)
    styles = re.findall(r"(?:url\(|@import)\s*['\"]?([^'\")\s]+)", text)
    return [address for address in assets.found + styles if re.match(r"(?:https?:)?//", address)]


def test_python_reference_names_all_that_the_library_offers() -> None:
    page = (ROOT / "docs/reference/python.md").read_text(encoding="utf-8")
    assert [name for name in emsearch.__all__ if f":: {name}" not in page] == []


def test_cli_reference_is_what_the_generator_prints() -> None:
    page = (ROOT / "docs/reference/cli.md").read_text(encoding="utf-8")
    assert page == reference(), "run: python -m emsearch_cli.reference > docs/reference/cli.md"


def test_http_reference_is_what_the_generator_prints() -> None:
    from emsearch_cli.web.reference import http_reference

    page = (ROOT / "docs/reference/http-api.md").read_text(encoding="utf-8")
    command = "python -m emsearch_cli.web.reference > docs/reference/http-api.md"
    assert page == http_reference(), f"run: {command}"


def test_catalogue_reference_is_what_the_generator_prints() -> None:
    page = (ROOT / "docs/reference/catalogue.md").read_text(encoding="utf-8")
    assert page == catalogue_reference(), (
        "run: python -m emsearch_cli.catalogue_reference > docs/reference/catalogue.md"
    )


@pytest.mark.parametrize("verb", VERBS)
def test_every_command_and_parameter_has_help_and_a_section(verb: str) -> None:
    command = typer.main.get_command(app).commands[verb]  # type: ignore[attr-defined]
    assert command.help.strip()
    assert all(parameter.help for parameter in command.params), [
        parameter.name for parameter in command.params
    ]
    assert f"\n## emsearch {verb}\n" in (ROOT / "docs/reference/cli.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("picture", sorted((ROOT / "docs/figures").glob("*.py")), ids=lambda path: path.stem)
def test_figures_are_there_and_small(picture: Path) -> None:
    made = re.findall(r"docs/images/[\w-]+\.(?:png|svg)", picture.read_text(encoding="utf-8"))
    assert made and all((ROOT / path).stat().st_size < 250_000 for path in made)
    assert not [path for path in made if re.search(rb"url\((?!#)|@import", (ROOT / path).read_bytes())]


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.reason and b.language == "bash"], ids=str)
def test_what_does_not_run_names_commands_and_options_that_exist(block: Block) -> None:
    for arguments in commands_in(block.text):
        verb, *rest = arguments
        if verb.startswith("-"):
            continue
        command = typer.main.get_command(app).commands[verb]  # type: ignore[attr-defined]
        command.make_parser(command.context_class(command)).parse_args(rest)


def commands_in(text: str) -> list[list[str]]:
    """Return the arguments of each call of ``emsearch`` in a block of bash."""
    lines = text.replace("\\\n", " ").splitlines()
    words = [shlex.split(line, comments=True) for line in lines if re.search(r"\bemsearch [a-z-]", line)]
    calls = [line[line.index("emsearch") + 1 :] for line in words if "emsearch" in line]
    ends = ("|", "&&", ";", ">")
    return [list(itertools.takewhile(lambda word: word not in ends, call)) for call in calls]


def test_readme_names_every_command() -> None:
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [verb for verb in VERBS if f"`{verb}`" not in page] == []


def test_links_between_pages_lead_somewhere() -> None:
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in PAGES
        for target in re.findall(r"\]\((?!https?://|#|mailto:)([^)#\s]+)", page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert not broken


def test_exit_codes_page_holds_the_tree_of_the_errors_module() -> None:
    source = (ROOT / "index/emsearch_index/errors.py").read_text(encoding="utf-8")
    tree = [
        line.strip() for line in source.split('"""')[1].splitlines() if "──" in line or "exit code 1" in line
    ]
    page = (ROOT / "docs/reference/exit-codes.md").read_text(encoding="utf-8")
    assert tree and all(line in page for line in tree)
