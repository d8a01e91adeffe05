"""The shape of the code: sorted exports, short files, a command line that starts without heavy libraries."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = [
    path
    for folder in ("emsearch", "index/emsearch_index", "cli/emsearch_cli")
    for path in sorted((ROOT / folder).rglob("*.py"))
]
HEAVY = {
    *("torch", "duckdb", "faiss", "numba", "gemmi", "numpy", "pyarrow", "matplotlib"),
    *("prompt_toolkit", "fastapi", "uvicorn"),
}
LONGEST_FILE_LINES = 350


def exports(path: Path) -> list[str] | None:
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["__all__"]:
            return [str(name) for name in ast.literal_eval(node.value)]
    return None


def natural_order(name: str) -> tuple[int, list[str | int]]:
    """Constants, then classes, then functions, numbers by value: the order that ruff's RUF022 keeps."""
    kind = 0 if name.isupper() and len(name) > 1 else 1 if name[0].isupper() else 2
    return kind, [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


def python_path() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(str(ROOT / part) for part in (".", "index", "cli"))}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_exports_are_sorted_and_files_are_short(path: Path) -> None:
    names = exports(path)
    if names is not None:
        assert names == sorted(names, key=natural_order)
        assert len(names) == len(set(names))
    assert len(path.read_text(encoding="utf-8").splitlines()) < LONGEST_FILE_LINES


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["query", "--help"],
        ["batch", "--help"],
        ["build", "--help"],
        ["sql", "--help"],
        ["--version"],
    ],
)
def test_help_starts_without_heavy_libraries(arguments: list[str]) -> None:
    program = (
        "import sys\n"
        "from emsearch_cli.app import app\n"
        f"try: app({arguments!r}, prog_name='emsearch')\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "print('\\n' + ' '.join(sys.modules))\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", program],
        env=python_path(),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert HEAVY.isdisjoint(result.stdout.splitlines()[-1].split())
