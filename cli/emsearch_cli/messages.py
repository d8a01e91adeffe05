"""What the program says to its user: standard error, never standard output."""

import sys
from dataclasses import dataclass

__all__ = ["Messages"]


@dataclass(frozen=True, slots=True)
class Messages:
    """Where progress, notes and details go, as loud as ``-v`` and ``-q`` ask for."""

    verbose: int = 0
    quiet: bool = False

    def say(self, text: str) -> None:
        """Write a line that a user normally wants; silenced by ``-q``."""
        if not self.quiet:
            print(text, file=sys.stderr, flush=True)

    def detail(self, text: str) -> None:
        """Write a line that only ``-v`` shows."""
        if self.verbose and not self.quiet:
            print(text, file=sys.stderr, flush=True)
