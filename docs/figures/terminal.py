"""Draw what a terminal shows after a query, as SVG: the program's own output, nothing retouched.

Run from the repository's root, on a system with pseudo-terminals: python docs/figures/terminal.py
"""

import io
import os
import pty
import re
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

OUT = Path("docs/images/terminal.svg")
COLUMNS = 100
COMMAND = ("query", "examples/groel.png", "--pixel-size", "3.75")


def main() -> None:
    """Run the command in a terminal of 100 columns and draw its prompt and output."""
    os.environ |= {"COLUMNS": str(COLUMNS), "TERM": "xterm-256color"}
    shown = bytearray()

    def keep(descriptor: int) -> bytes:
        some = os.read(descriptor, 4096)
        shown.extend(some)
        return some

    status = pty.spawn([sys.executable, "-m", "emsearch_cli", *COMMAND], keep)
    if status != 0:
        raise SystemExit(f"emsearch ended with status {status}")
    console = Console(record=True, width=COLUMNS, file=io.StringIO())
    console.print(Text(f"$ emsearch {' '.join(COMMAND)}", style="bold"))
    console.print(Text.from_ansi(bytes(shown).decode().replace("\r\n", "\n").rstrip()))
    svg = console.export_svg(title="emsearch", unique_id="terminal")
    OUT.write_text(without_fonts(svg), encoding="utf-8")


def without_fonts(svg: str) -> str:
    """Return the picture without the fonts that rich has it fetch from elsewhere; the system's own serve."""
    return re.sub(r"\s*@font-face \{.*?\}", "", svg, flags=re.S).replace("Fira Code, monospace", "monospace")


if __name__ == "__main__":
    main()
