import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from emsearch_cli.evaluate import signal_to_noise_levels
from emsearch_index.errors import UsageError


@dataclass(frozen=True, slots=True)
class Row:
    snr: float
    top1: float


def test_rows_of_the_library_become_a_table(
    run: Callable[..., Any], replace_module: Callable[..., None]
) -> None:
    asked: dict[str, Any] = {}

    def evaluate_index(index: object, **options: Any) -> list[Row]:
        asked.update(options)
        return [Row(level, 0.5) for level in options["snr_levels"]]

    replace_module("emsearch.search.engine", open_index=lambda index_dir, *, device: object())
    replace_module("emsearch.evaluation.trained", evaluate_index=evaluate_index)
    outcome = run("evaluate", "--snr", "10,0.1", "--images", "5", "--format", "json")
    assert json.loads(outcome.out) == [{"snr": 10.0, "top1": 0.5}, {"snr": 0.1, "top1": 0.5}]
    assert callable(asked.pop("report"))
    assert asked == {"snr_levels": (10.0, 0.1), "groups": 100, "images": 5, "seed": 0, "rerank": 100}


def test_a_folder_of_real_images_is_searched_instead(
    run: Callable[..., Any], replace_module: Callable[..., None], tmp_path: Path
) -> None:
    asked: list[Any] = []

    def evaluate_real(index: object, folder: Path, **options: Any) -> list[Row]:
        asked.extend([folder, options["rerank"]])
        return [Row(2.0, 1.0)]

    replace_module("emsearch.search.engine", open_index=lambda index_dir, *, device: object())
    replace_module("emsearch.evaluation.trained", evaluate_index=None)
    replace_module("emsearch.evaluation.real", evaluate_real=evaluate_real)
    outcome = run("evaluate", "--real", str(tmp_path), "--rerank", "7", "--format", "json")
    assert json.loads(outcome.out) == [{"snr": 2.0, "top1": 1.0}]
    assert asked == [tmp_path, 7]


@pytest.mark.parametrize("text", ["", "a", "1,-2", "0", "nan", "inf"])
def test_levels_must_be_positive_numbers(text: str) -> None:
    with pytest.raises(UsageError, match="positive numbers"):
        signal_to_noise_levels(text)
