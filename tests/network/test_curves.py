import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from PIL import Image

from emsearch.network.curves import read_log, write_curves


def _record(images: int, validated: bool = False) -> dict[str, Any]:
    figures = {"loss": 2.0, "top1": 0.3, "top3": 0.5, "top20": 0.9}
    return {
        "images": images,
        "images_total": 1000,
        "images_per_second": 150.0,
        "box_px": 32,
        "learning_rate": 1e-3,
        "loss": 3.0 - images / 1000,
        "top1": images / 2000,
        "top3": images / 1000,
        "seconds": images / 150,
        "validation": figures if validated else None,
    }


def _write(path: Path, records: list[dict[str, Any]], tail: str = "") -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records) + tail, encoding="utf-8")
    return path


def test_what_a_killed_run_reported_twice_counts_once(tmp_path: Path) -> None:
    log = _write(tmp_path / "log.jsonl", [_record(n) for n in (100, 200, 300, 400)], '{"images": 450, "los\n')
    with log.open("a", encoding="utf-8") as file:
        file.write(json.dumps({**_record(300), "loss": 7.0}) + "\n")
    records = read_log(log)
    assert [record["images"] for record in records] == [100, 200, 300]
    assert records[-1]["loss"] == 7.0


def test_curves_are_a_picture_and_a_table(tmp_path: Path) -> None:
    log = _write(tmp_path / "log.jsonl", [_record(n, validated=n % 200 == 0) for n in (100, 200, 300, 400)])
    png, parquet = tmp_path / "curves.png", tmp_path / "curves.parquet"
    write_curves(log, png, parquet)
    with Image.open(png) as image:
        assert image.format == "PNG"
        assert min(image.size) > 500
    table = pq.read_table(parquet).to_pydict()
    assert table["images"] == [100, 200, 300, 400]
    assert table["unseen_top20"] == [None, 0.9, None, 0.9]
    assert table["images_per_second"] == [150.0] * 4


def test_a_run_without_validation_is_drawn_too(tmp_path: Path) -> None:
    log = _write(tmp_path / "log.jsonl", [_record(100), _record(200)])
    write_curves(log, tmp_path / "c.png", tmp_path / "c.parquet")
    assert pq.read_table(tmp_path / "c.parquet").num_rows == 2
