import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from emsearch.imaging.parameters import ParameterRanges
from emsearch.network.checkpoint import load_state, save_weights
from emsearch.network.progress import Progress, progress_line
from emsearch.network.settings import TrainingSettings
from emsearch.network.train import Trainer, pick_device, train
from emsearch.network.training_set import TrainingSet
from emsearch_index.errors import UsageError

CPU = torch.device("cpu")
SETTINGS = TrainingSettings(
    images=48,
    batch=8,
    width=16,
    stages=((0.5, 24), (0.5, 32)),
    validation_images=32,
    validate_every_images=24,
    checkpoint_every_seconds=0.0,
    device="cpu",
)


class KilledError(Exception):
    pass


def killed_at(images: int) -> Callable[[Progress], None]:
    def report(progress: Progress) -> None:
        if progress.images == images:
            raise KilledError

    return report


def ignored(progress: Progress) -> None:
    pass


def test_a_killed_and_resumed_run_ends_as_an_uninterrupted_one(
    training_set: TrainingSet, tmp_path: Path
) -> None:
    reports: list[Progress] = []
    network = train(training_set, tmp_path / "straight", SETTINGS, reports.append)
    with pytest.raises(KilledError):  # in the last step, with the state of the third on disk
        train(training_set, tmp_path / "killed", SETTINGS, killed_at(48))
    assert load_state(tmp_path / "killed/state.pt", CPU)["step"] == 3
    train(training_set, tmp_path / "killed", SETTINGS, ignored)

    straight, resumed = (load_state(tmp_path / run / "state.pt", CPU) for run in ("straight", "killed"))
    assert straight["step"] == resumed["step"] == 6
    assert straight["best"] == resumed["best"]
    for part in ("network", "average"):
        for name, value in straight[part].items():
            assert torch.equal(value, resumed[part][name]), f"{part} {name}"
    assert not network.training

    assert [r.images for r in reports] == [24, 48]
    assert [r.box_px for r in reports] == [24, 32]
    lines = [json.loads(line) for line in (tmp_path / "straight/log.jsonl").read_text().splitlines()]
    assert [line["images"] for line in lines] == [24, 48]
    validation = lines[-1]["validation"]
    assert math.isfinite(validation["loss"])
    assert 0 <= validation["top1"] <= validation["top3"] <= validation["top20"] == 1
    best = min(line["validation"]["loss"] for line in lines)
    assert straight["best"] == best


def test_given_weights_are_measured_and_taken_as_they_are(training_set: TrainingSet, tmp_path: Path) -> None:
    trained = train(training_set, tmp_path / "first", SETTINGS, ignored)
    save_weights(tmp_path / "weights.safetensors", trained)
    settings = replace(SETTINGS, images=0, pretrained=str(tmp_path / "weights.safetensors"))
    reports: list[Progress] = []
    taken = train(training_set, tmp_path / "second", settings, reports.append)
    assert [r.images for r in reports] == [0]
    assert reports[0].validation is not None
    for name, value in trained.state_dict().items():
        if value.is_floating_point():
            torch.testing.assert_close(taken.state_dict()[name], value, rtol=1e-3, atol=1e-4)


def test_learning_lowers_the_loss_of_a_batch(training_set: TrainingSet, tmp_path: Path) -> None:
    settings = replace(SETTINGS, images=8 * 12, warmup=0.01, learning_rate=0.02, dropout=0.0)
    trainer = Trainer(training_set, tmp_path, settings)
    batch = trainer._draw_training(0)
    losses = [trainer.learn(batch)[0] for _ in range(12)]
    assert min(losses[-3:]) < 0.8 * losses[0]
    assert trainer.step == 12


def test_decay_spares_biases_and_normalisation(training_set: TrainingSet, tmp_path: Path) -> None:
    trainer = Trainer(training_set, tmp_path, SETTINGS)
    heavy, plain = trainer.optimiser.param_groups
    assert heavy["weight_decay"] == SETTINGS.weight_decay
    assert plain["weight_decay"] == 0
    assert all(p.ndim > 1 for p in heavy["params"])
    assert any(p is trainer.network.log_scale for p in plain["params"])
    count = sum(1 for _ in trainer.network.parameters())
    assert len(heavy["params"]) + len(plain["params"]) == count


def test_noise_and_box_grow_along_the_run(
    training_set: TrainingSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = replace(SETTINGS, images=80, first_lowest_snr=10.0, curriculum=0.5)
    trainer = Trainer(training_set, tmp_path, settings)
    assert trainer.last_step == 10
    drawn: list[tuple[int, int, int, ParameterRanges]] = []

    def record(stream: int, step: int, n: int, box_px: int, ranges: ParameterRanges) -> None:
        drawn.append((stream, n, box_px, ranges))

    monkeypatch.setattr(trainer, "_draw", record)
    for step in (0, 2, 5, 9):
        trainer._draw_training(step)
    assert [(stream, n, box) for stream, n, box, _ in drawn] == [
        (0, 8, 24),
        (0, 8, 24),
        (0, 8, 32),
        (0, 8, 32),
    ]
    least = settings.ranges.log_snr[0]
    lowest = [ranges.log_snr[0] for *_, ranges in drawn]
    assert lowest == pytest.approx([10.0, *(10 * (least / 10) ** done for done in (0.4, 1.0, 1.0))])
    assert {ranges.log_snr[1] for *_, ranges in drawn} == {settings.ranges.log_snr[1]}


def test_devices_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    assert pick_device("cpu") == CPU
    assert pick_device("cuda:1") == torch.device("cuda:1")
    assert pick_device("cuda", 2) == torch.device("cuda:2")
    assert pick_device("auto") == torch.device("cuda:0")


@pytest.mark.parametrize("name", ["cuda", "cuda:0", "cuda:7", "cuda:-1", "cuda:x", "gpu", "", "mps:0"])
def test_devices_that_are_not_there_are_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert pick_device("auto") == CPU
    with pytest.raises(UsageError, match="found device"):
        pick_device(name)


def test_a_log_line_tells_where_training_stands() -> None:
    progress = Progress(
        images=1_280,
        images_total=400_000,
        images_per_second=160.0,
        box_px=32,
        learning_rate=1e-3,
        loss=2.5,
        top1=0.1,
        top3=0.2,
        seconds=8.0,
        validation={"loss": 3.0, "top1": 0.25, "top3": 0.5, "top20": 0.75},
    )
    line = progress_line(progress)
    assert "1,280/400,000 images  32 px    160/s" in line
    assert line.endswith("unseen: loss 3.000 top-1 0.250 top-3 0.500 top-20 0.750")
    assert "  42 min left" in progress_line(replace(progress, validation=None))
