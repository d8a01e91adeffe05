import io

from rich.console import Console

from emsearch.network.live import LiveTable
from emsearch.network.progress import Progress


def progress(images: int, top1: float | None) -> Progress:
    validation = None if top1 is None else {"loss": 1.0, "top1": top1, "top3": 0.5, "top20": 0.9}
    return Progress(images, 1200, 10.0, 64, 1e-3, 2.5, 0.25, 0.45, 60.0, validation)


def drawn(terminal: bool) -> str:
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=120)
    with LiveTable(console) as live:
        live.show(progress(600, None))
        live.show(progress(900, 0.33))
        if terminal:
            console.print(live.table())
    return out.getvalue()


def test_the_table_shows_rate_loss_hit_rates_and_time_left() -> None:
    text = drawn(terminal=True)
    for piece in ("600", "900", "2.500", "0.250", "0.450", "0.330", "minutes left"):
        assert piece in text


def test_nothing_is_drawn_where_no_one_looks() -> None:
    assert drawn(terminal=False).strip() == ""


def test_only_the_latest_reports_are_shown() -> None:
    live = LiveTable(Console(file=io.StringIO()))
    for k in range(30):
        live.show(progress(k + 100, None))
    out = io.StringIO()
    Console(file=out, width=120).print(live.table())
    assert "129" in out.getvalue() and "110" not in out.getvalue()
