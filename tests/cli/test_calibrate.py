import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any


def test_the_new_generation_and_its_weights_are_told(
    run: Callable[..., Any], replace_module: Callable[..., None], tmp_path: Path
) -> None:
    asked: dict[str, Any] = {}

    def recalibrate(index: Path, **options: Any) -> SimpleNamespace:
        asked.update(options, index=index)
        return SimpleNamespace(name="gen-1", configuration={"calibration": {"fit_weight": 0.2}})

    def refit_quantities(index: Path, **options: Any) -> SimpleNamespace:
        asked.update(options, index=index)
        return SimpleNamespace(name="gen-2", configuration={"quantities": {"images": options["images"]}})

    replace_module("emsearch.build.recalibrating", recalibrate=recalibrate, refit_quantities=refit_quantities)
    outcome = run("calibrate", str(tmp_path), "--images", "20", "--seed", "3", "--format", "json")
    assert json.loads(outcome.out) == [{"generation": "gen-1", "fit_weight": 0.2}]
    assert callable(asked.pop("report"))
    assert asked == {"index": tmp_path, "images": 20, "seed": 3, "device": "auto"}
    outcome = run("calibrate", str(tmp_path), "--what", "quantities", "--format", "json")
    assert json.loads(outcome.out) == [{"generation": "gen-2", "images": 20_000}]
