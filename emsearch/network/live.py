"""A live table of a training run, on terminals; where standard error is none, nothing is drawn."""

import sys
from collections import deque
from types import TracebackType

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from emsearch.network.progress import Progress

__all__ = ["LiveTable"]

_ROWS = 8


class LiveTable:
    """A context that shows the latest reports of a run: rate, loss, hit rates and the time left."""

    def __init__(self, console: Console | None = None) -> None:
        console = console or Console(file=sys.stderr)
        self._rows: deque[Progress] = deque(maxlen=_ROWS)
        self._live = (
            Live(console=console, refresh_per_second=2, transient=True) if console.is_terminal else None
        )

    def __enter__(self) -> "LiveTable":
        """Begin to draw."""
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the table away again; what was said above it stays."""
        if self._live is not None:
            self._live.stop()

    def show(self, progress: Progress) -> None:
        """Add a report."""
        self._rows.append(progress)
        if self._live is not None:
            self._live.update(self.table())

    def table(self) -> Group:
        """Return what is drawn: the latest reports, and how far the run is."""
        table = Table("images", "px", "images/s", "loss", "top-1", "top-3", "unseen top-1", "minutes left")
        for p in self._rows:
            left = (p.images_total - p.images) / max(p.images_per_second, 1e-9) / 60
            unseen = "" if p.validation is None else f"{p.validation['top1']:.3f}"
            table.add_row(
                f"{p.images:,}",
                str(p.box_px),
                f"{p.images_per_second:.0f}",
                f"{p.loss:.3f}",
                f"{p.top1:.3f}",
                f"{p.top3:.3f}",
                unseen,
                f"{left:.0f}",
            )
        last = self._rows[-1]
        return Group(table, ProgressBar(total=last.images_total, completed=last.images, width=60))
