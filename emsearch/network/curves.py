"""The curves of a training run: its log as a picture and as a table."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["read_log", "write_curves"]

_VALIDATED = ("loss", "top1", "top3", "top20")


def read_log(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a log.jsonl, with images ever rising.

    A run that was killed goes on from its last saved state and reports some images again: what the first attempt
    had reported beyond that state is dropped, and so is a line that the kill cut short.
    """
    records: list[dict[str, Any]] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            record = json.loads(line)
        except json.JSONDecodeError:
            continue
        while records and records[-1]["images"] >= record["images"]:
            records.pop()
        records.append(record)
    return records


def write_curves(log_jsonl: Path, png: Path, parquet: Path) -> None:
    """Write loss, hit rates, figures on unseen views and rate against images.

    Parameters
    ----------
    log_jsonl : Path
        The log of ``emsearch.network.train``.
    png, parquet : Path
        A picture, and a table of one row a report; figures on unseen views are null in most rows.
    """
    columns = _columns(read_log(log_jsonl))
    _write_table(columns, parquet)
    _draw(columns, png)


def _columns(records: list[dict[str, Any]]) -> dict[str, list[Any]]:
    plain = [name for name in records[0] if name != "validation"] if records else []
    columns: dict[str, list[Any]] = {name: [record[name] for record in records] for name in plain}
    for name in _VALIDATED:
        columns[f"unseen_{name}"] = [(record["validation"] or {}).get(name) for record in records]
    return columns


def _write_table(columns: dict[str, list[Any]], path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    kinds = {name: pa.int64() for name in ("images", "images_total", "box_px")}
    arrays = {name: pa.array(values, kinds.get(name, pa.float64())) for name, values in columns.items()}
    parquet.write_table(pa.table(arrays), path)


def _draw(columns: dict[str, list[Any]], path: Path) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 9), layout="constrained")
    FigureCanvasAgg(figure)  # drawn into memory, whatever the display
    loss, hits, rate = figure.subplots(3, 1, sharex=True)
    _line(loss, columns, "loss", "training")
    _line(loss, columns, "unseen_loss", "unseen views")
    loss.set_ylabel("loss")
    for name, label in (("top1", "top-1, training"), ("top3", "top-3, training")):
        _line(hits, columns, name, label)
    for name in ("top1", "top3", "top20"):
        _line(hits, columns, f"unseen_{name}", f"top-{name[3:]}, unseen views")
    hits.set_ylabel("share of images")
    hits.set_ylim(0, 1)
    _line(rate, columns, "images_per_second", "rate")
    rate.set_ylabel("images / s")
    rate.set_xlabel("images")
    for axes in (loss, hits, rate):
        axes.grid(alpha=0.3)
        axes.legend(loc="best", fontsize="small")
    figure.savefig(path, dpi=120, format="png")


def _line(axes: "Axes", columns: dict[str, list[Any]], name: str, label: str) -> None:
    """Draw one column against images; one that is mostly null has its points marked."""
    points = [(x, y) for x, y in zip(columns["images"], columns[name], strict=True) if y is not None]
    sparse = name.startswith("unseen_")
    axes.plot(*zip(*points, strict=True), "o-" if sparse else "-", markersize=3, linewidth=1, label=label)
