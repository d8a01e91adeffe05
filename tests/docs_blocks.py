"""The code blocks of the documentation: ``python -m tests.docs_blocks`` lists which of them run, and why others do not."""

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

__all__ = ["PAGES", "ROOT", "Block", "blocks_of"]

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(path for path in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")] if path.exists())

_FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>bash|python|sql)\n(?P<body>.*?)^(?P=indent)```$", re.M | re.S
)
_OPT_OUT = re.compile(r"<!-- not run: (?P<reason>\S.*?) -->\s*$")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of a page: where it starts, its language and text, and why it does not run, empty where it does."""

    page: Path
    line: int
    language: str
    text: str
    reason: str

    def __str__(self) -> str:
        return f"{name_of(self.page)}:{self.line}"


def name_of(page: Path) -> str:
    """Return the path of a page as people say it."""
    return str(page.relative_to(ROOT)) if page.is_relative_to(ROOT) else str(page)


def blocks_of(page: Path) -> list[Block]:
    """Return the blocks of a page in their order; the line before one may say ``<!-- not run: the reason -->``."""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in _FENCE.finditer(text):
        before = text[: match.start()]
        indent = len(match["indent"])
        body = "\n".join(line[indent:] for line in match["body"].splitlines())
        opted_out = _OPT_OUT.search(before.rstrip("\n").rpartition("\n")[2])
        reason = opted_out["reason"] if opted_out else ""
        found.append(Block(page, before.count("\n") + 1, match["language"], body, reason))
    return found


def _main() -> None:
    blocks = [block for page in PAGES for block in blocks_of(page)]
    for block in blocks:
        print(f"{block!s:54} {block.language:7} {f'not run: {block.reason}' if block.reason else 'runs'}")
    counts = Counter(bool(block.reason) for block in blocks)
    print(f"\n{len(blocks)} blocks: {counts[False]} run, {counts[True]} do not")


if __name__ == "__main__":
    _main()
