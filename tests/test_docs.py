"""The documentation is a contract: its blocks run, and its reference is what the programs print."""

import dataclasses
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import typer

from emsearch_cli.app import app
from emsearch_cli.catalogue_reference import catalogue_reference
from emsearch_cli.reference import reference
from emsearch_index.catalogue import Catalogue
from emsearch_index.generation import default_index_dir, open_generation

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(path for path in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")] if path.exists())
FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>bash|python|sql)\n(?P<body>.*?)^(?P=indent)```$", re.M | re.S
)
OPT_OUT = re.compile(r"<!-- not run: \S.* -->\s*$")
VERBS = sorted(typer.main.get_command(app).commands)  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of a page: where it starts, its language and its text."""

    page: Path
    line: int
    language: str
    text: str
    opted_out: bool

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def runs(self) -> bool:
        commands = [line for line in self.text.splitlines() if line.strip() and not line.startswith("#")]
        ours = self.language != "bash" or (bool(commands) and commands[0].startswith("emsearch"))
        return ours and not self.opted_out


def blocks_of(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    found = []
    for match in FENCE.finditer(text):
        before = text[: match.start()]
        indent = len(match["indent"])
        body = "\n".join(line[indent:] for line in match["body"].splitlines())
        opted_out = OPT_OUT.search(before.rstrip("\n").rpartition("\n")[2]) is not None
        found.append(Block(page, before.count("\n") + 1, match["language"], body, opted_out))
    return [_as_one(found)] if page.parent.name == "tutorial" and found else found


def _as_one(blocks: list[Block]) -> Block:
    """Return the blocks of a tutorial, which is read from the top, as one program."""
    assert {(block.language, block.opted_out) for block in blocks} == {("python", False)}
    return dataclasses.replace(blocks[0], text="\n".join(block.text for block in blocks))


BLOCKS = [block for page in PAGES for block in blocks_of(page)]


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """Return a folder that looks like the project's root, may be written to, and has a program `emsearch`."""
    for entry in ROOT.iterdir():
        if not entry.name.startswith("."):
            (tmp_path / entry.name).symlink_to(entry)
    program = tmp_path / ".bin" / "emsearch"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m emsearch_cli "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    return tmp_path


@pytest.mark.parametrize(
    "block", [block for block in BLOCKS if block.runs and block.language != "sql"], ids=str
)
def test_block_runs(block: Block, desk: Path) -> None:
    if not (ROOT / "index/emsearch_index/default/CURRENT").exists():
        pytest.skip("the index that ships is not there: it was not built yet")
    bash = shutil.which("bash")
    if block.language == "bash" and bash is None:
        pytest.skip("bash is not there")
    command = [sys.executable, "-"] if block.language == "python" else [str(bash), "-eu"]
    paths = os.pathsep.join(str(ROOT / part) for part in (".", "index", "cli"))
    environment = {
        **os.environ,
        "PYTHONPATH": paths,
        "PATH": f"{desk / '.bin'}{os.pathsep}{os.environ['PATH']}",
    }
    environment.pop("EMSEARCH_INDEX", None)
    result = subprocess.run(
        command, input=block.text, cwd=desk, env=environment, capture_output=True, text=True, timeout=300
    )
    assert result.returncode == 0, result.stderr


@pytest.fixture(scope="module")
def shipped_catalogue() -> Iterator[Catalogue]:
    if not (default_index_dir() / "CURRENT").exists():
        pytest.skip("the index that ships is not there: it was not built yet")
    with Catalogue.guarded(open_generation(default_index_dir()).file("catalogue.duckdb"), 512) as opened:
        yield opened


@pytest.mark.parametrize(
    "block", [block for block in BLOCKS if block.runs and block.language == "sql"], ids=str
)
def test_statement_has_an_answer(block: Block, shipped_catalogue: Catalogue) -> None:
    """The blocks of SQL are asked as strangers' statements are, the index that ships, in one process for all."""
    _, _, rows = shipped_catalogue.select(block.text, {})
    assert 0 < len(list(rows)) <= 10_000


def test_a_block_is_found_and_can_be_opted_out(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "```bash\nemsearch info\n```\n<!-- not run: slow -->\n```bash\nemsearch build x\n```\n"
        "```bash\npip list\n```\n"
        "- item\n\n  ```python\n  1 + 1\n  ```\n```sql\nSELECT 1\n```\n",
        encoding="utf-8",
    )
    blocks = blocks_of(page)
    assert [block.runs for block in blocks] == [True, False, False, True, True]
    assert blocks[3].text == "1 + 1"


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
