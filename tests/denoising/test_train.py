"""Training: it learns, and a run that is cut goes on as if it had not been."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from emsearch.denoising.settings import DenoisingSettings
from emsearch.denoising.train import DenoisingProgress, progress_line, train_denoiser
from emsearch.network.training_set import TrainingSet
from emsearch_index.errors import UsageError

CPU = torch.device("cpu")
SHORT = DenoisingSettings(
    images=24,
    batch=4,
    width=8,
    validation_images=4,
    validate_every_images=12,
    report_every_steps=1,
    checkpoint_every_seconds=0.0,
)


class Cut(Exception):
    """The run was killed."""


def cut_after(images: int) -> object:
    def report(progress: DenoisingProgress) -> None:
        if progress.images > images:
            raise Cut

    return report


@pytest.mark.parametrize("adversarial", [False, True])
def test_a_run_that_was_cut_goes_on_exactly(few: TrainingSet, tmp_path: Path, adversarial: bool) -> None:
    settings = replace(SHORT, adversarial=adversarial)
    whole = train_denoiser(few, tmp_path / "whole", settings, device=CPU)
    with pytest.raises(Cut):
        train_denoiser(few, tmp_path / "cut", settings, device=CPU, report=cut_after(8))  # type: ignore[arg-type]
    went_on = train_denoiser(few, tmp_path / "cut", settings, device=CPU)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, went_on.state_dict()[name]), name
    last = json.loads((tmp_path / "whole" / "log.jsonl").read_text().splitlines()[-1])
    assert last["images"] == 24
    assert set(last["validation"]) == {"difference", "correlation"}


def test_another_run_is_not_gone_on_with(few: TrainingSet, tmp_path: Path) -> None:
    train_denoiser(few, tmp_path, replace(SHORT, images=4), device=CPU)
    with pytest.raises(UsageError, match="other settings or structures"):
        train_denoiser(few, tmp_path, replace(SHORT, images=8), device=CPU)


def test_a_line_says_how_far_it_is() -> None:
    progress = DenoisingProgress(50, 100, 1.0, 0.1234, 3.0, {"difference": 0.2, "correlation": 0.5})
    line = progress_line(progress)
    assert "50/100 pairs" in line and "difference 0.123" in line and "correlation 0.500" in line
