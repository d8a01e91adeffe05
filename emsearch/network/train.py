"""Training of the shape network.

From one .npz of bead models, on one machine or several GPUs:

    python -m emsearch.network.train set.npz --out run --images 400000
    torchrun --nproc-per-node 4 -m emsearch.network.train set.npz --out run --images 40000000 --device cuda
"""

import json
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.nn import functional

from emsearch.imaging.parameters import ParameterRanges
from emsearch.imaging.simulate import Simulator
from emsearch.network.ahead import ahead
from emsearch.network.batches import Batch, draw_batch
from emsearch.network.checkpoint import load_state, save_state, start_from
from emsearch.network.losses import group_loss
from emsearch.network.model import ShapeNetwork
from emsearch.network.precision import autocast
from emsearch.network.progress import Progress, progress_line
from emsearch.network.schedule import box_at, learning_rate_at, lowest_snr_at
from emsearch.network.settings import TrainingSettings
from emsearch.network.training_set import TrainingSet, read_training_set
from emsearch_index.errors import UsageError

__all__ = ["Trainer", "pick_device", "train"]

_TRAINING, _VALIDATION = 0, 1  # streams of random numbers that never meet


def pick_device(name: str, rank: int = 0) -> torch.device:
    """Return the device that "auto", "cpu", "cuda" or "cuda:N" means here.

    Raises UsageError for another name, and for a GPU that is not there.
    """
    gpus = torch.cuda.device_count()
    if name == "auto":
        name = "cuda" if gpus else "cpu"
    if name == "cpu":
        return torch.device("cpu")
    kind, _, number = name.partition(":")
    if kind != "cuda" or (number and not number.isdecimal()):
        raise UsageError(f"found device {name!r}; give auto, cpu, cuda or cuda:N with N from 0")
    wanted = int(number) if number else rank
    if wanted >= gpus:
        raise UsageError(
            f"found device {name!r}, and PyTorch sees {gpus} GPUs here, counted from 0; give cpu or auto"
        )
    return torch.device(f"cuda:{wanted}")


def _hit_rates(logits: Tensor, group: Tensor, allowed: Tensor, ks: tuple[int, ...]) -> list[Tensor]:
    masked = logits.masked_fill(~allowed, -torch.inf)
    rank = (masked > masked.gather(1, group[:, None])).sum(1)
    return [(rank < k).float().mean() for k in ks]


def _floating(network: ShapeNetwork) -> list[Tensor]:
    """Return the weights and running statistics."""
    return [value for value in (*network.parameters(), *network.buffers()) if value.is_floating_point()]


class Trainer:
    """One run: network, optimiser, average of the weights, and the step they stand at."""

    def __init__(self, training_set: TrainingSet, out: Path, settings: TrainingSettings) -> None:
        self.settings = settings
        self.set = training_set
        self.out = out
        self.rank = int(os.environ.get("RANK", "0"))
        self.world = int(os.environ.get("WORLD_SIZE", "1"))
        self.device = pick_device(settings.device, int(os.environ.get("LOCAL_RANK", "0")))
        torch.backends.cudnn.benchmark = True  # the sizes of a run are few
        self.simulator = Simulator(training_set.cloud, self.device)
        self.allowed = torch.from_numpy(training_set.allowed()).to(self.device)
        torch.manual_seed(settings.seed)
        self.network = self._new_network()
        if settings.pretrained is not None:
            start_from(self.network, settings.pretrained)
        self.average = self._new_network()
        self.average.load_state_dict(self.network.state_dict())
        self.model: nn.Module = self.network
        if self.world > 1:
            distributed.init_process_group("nccl" if self.device.type == "cuda" else "gloo")
            self.model = nn.parallel.DistributedDataParallel(self.network)
        self.optimiser = torch.optim.AdamW(self._parameter_groups(), lr=settings.learning_rate, fused=True)
        self.step = 0
        self.seconds = 0.0
        self.best = float("inf")
        self.checked: tuple[int, float] = (0, 0.0)

    def _new_network(self) -> ShapeNetwork:
        network = ShapeNetwork(len(self.set.groups), width=self.settings.width, dropout=self.settings.dropout)
        return network.to(device=self.device, memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]

    def _parameter_groups(self) -> list[dict[str, Any]]:
        """Weight decay holds for matrices and kernels, not for biases, normalisation and the scale."""
        plain = [p for p in self.network.parameters() if p.ndim <= 1]
        heavy = [p for p in self.network.parameters() if p.ndim > 1]
        return [
            {"params": heavy, "weight_decay": self.settings.weight_decay},
            {"params": plain, "weight_decay": 0.0},
        ]

    @property
    def batch_of_all(self) -> int:
        """Images of one step over all processes."""
        return self.settings.batch * self.world

    @property
    def last_step(self) -> int:
        """The step at which the run ends."""
        return -(-self.settings.images // self.batch_of_all)

    def _draw(self, stream: int, step: int, n: int, box_px: int, ranges: ParameterRanges) -> Batch:
        return draw_batch(
            self.set,
            self.simulator,
            ranges,
            n=n,
            box_px=box_px,
            member_share=self.settings.member_share,
            key=(self.settings.seed, stream, step, self.rank if stream == _TRAINING else 0),
        )

    def _draw_training(self, step: int) -> Batch:
        s, progress = self.settings, step / self.last_step
        low, high = s.ranges.log_snr
        low = lowest_snr_at(progress, max(low, s.first_lowest_snr), low, s.curriculum)
        ranges = replace(s.ranges, log_snr=(low, high))
        return self._draw(_TRAINING, step, s.batch, box_at(progress, s.stages), ranges)

    def _forward(self, model: nn.Module, images: Tensor) -> tuple[Tensor, Tensor]:
        with autocast(self.device):
            logits, sketch = model(images)
        return logits.float(), sketch.float()

    def learn(self, batch: Batch) -> Tensor:
        """Take one step; return (3,) the loss and the shares of images right at first and in the first three.

        They stay on the device, for to read them would be to wait for the step.
        """
        torch.manual_seed(hash((self.settings.seed, self.step, self.rank)))
        rate = self.settings.learning_rate * self.batch_of_all / 128
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate_at((self.step + 1) / self.last_step, rate, self.settings.warmup)
        self.model.train()
        allowed = self.allowed[batch.size_class]
        logits, sketch = self._forward(self.model, batch.images)
        loss = group_loss(logits, batch.group, allowed, self.settings.label_smoothing)
        loss = loss + self.settings.sketch_weight * functional.mse_loss(sketch, batch.sketch)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.optimiser.step()
        self.step += 1
        self._update_average()
        return torch.stack([loss.detach(), *_hit_rates(logits.detach(), batch.group, allowed, (1, 3))])

    @torch.no_grad()
    def _update_average(self) -> None:
        """Exponential moving average of the weights (Polyak and Juditsky 1992), short at first."""
        decay = min(self.settings.ema_decay, (1 + self.step) / (10 + self.step))
        torch._foreach_lerp_(_floating(self.average), _floating(self.network), 1 - decay)

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """Measure the averaged weights on views that training never draws."""
        self.average.eval()
        logits, group, allowed = [], [], []
        for step in range(-(-self.settings.validation_images // 256)):
            batch = self._draw(_VALIDATION, step, 256, self.set.box_px, self.settings.ranges)
            logits.append(self._forward(self.average, batch.images)[0])
            group.append(batch.group)
            allowed.append(self.allowed[batch.size_class])
        all_logits, all_group, all_allowed = torch.cat(logits), torch.cat(group), torch.cat(allowed)
        top1, top3, top20 = map(float, _hit_rates(all_logits, all_group, all_allowed, (1, 3, 20)))
        loss = float(group_loss(all_logits, all_group, all_allowed, 0.0))
        return {"loss": loss, "top1": top1, "top3": top3, "top20": top20}

    def save(self) -> None:
        """Write the state from which ``resume`` goes on as if nothing had happened."""
        state = {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
            "seconds": self.seconds,
            "best": self.best,
        }
        save_state(self.out / "state.pt", state)

    def resume(self) -> None:
        """Go on from the state on disk, if there is one."""
        path = self.out / "state.pt"
        if not path.exists():
            return
        state = load_state(path, self.device)
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.seconds, self.best = state["step"], state["seconds"], state["best"]

    def _keep_if_best(self, validation: dict[str, float]) -> None:
        if validation["loss"] < self.best:
            self.best = validation["loss"]
            save_state(self.out / "best.pt", {"average": self.average.state_dict(), "step": self.step})

    def run(self, report: Callable[[Progress], None]) -> Path:
        """Train to the end and return the path of the best averaged weights."""
        self.resume()

        started, saved = time.monotonic() - self.seconds, time.monotonic()
        window = (time.monotonic(), self.step)
        recent: list[Tensor] = []
        per_validation = max(1, self.settings.validate_every_images // self.batch_of_all)
        for batch in ahead(self._draw_training, self.step, self.last_step):
            recent.append(self.learn(batch))
            self.seconds = time.monotonic() - started
            validating = self.step % per_validation == 0 or self.step == self.last_step
            if self.rank == 0 and (validating or self.step % 20 == 0):
                figures = torch.stack(recent).mean(0).tolist()  # waits for the steps
                rate = (self.step - window[1]) * self.batch_of_all / max(time.monotonic() - window[0], 1e-9)
                validation = self.validate() if validating else None
                report(self._progress(figures, rate, batch.images.shape[-1], validation))
                window, recent = (time.monotonic(), self.step), []
                if validation is not None:
                    self._keep_if_best(validation)
                if (
                    time.monotonic() - saved > self.settings.checkpoint_every_seconds
                    or self.step == self.last_step
                ):
                    self.save()
                    saved = time.monotonic()
        if self.last_step == 0 and self.rank == 0:
            self._take_as_it_is(report)
        if self.world > 1:
            distributed.barrier()  # the first process writes the best weights, which all of them read
        return self.out / "best.pt"

    def _take_as_it_is(self, report: Callable[[Progress], None]) -> None:
        """Measure and keep the weights that a run of no images starts from."""
        validation = self.validate()
        figures = [validation[name] for name in ("loss", "top1", "top3")]
        report(self._progress(figures, 0.0, self.set.box_px, validation))
        self._keep_if_best(validation)

    def close(self) -> None:
        """Leave the group of processes, if this is one of several."""
        if self.world > 1:
            distributed.destroy_process_group()

    def _progress(
        self,
        figures: list[float],
        rate: float,
        box: int,
        validation: dict[str, float] | None,
    ) -> Progress:
        loss, top1, top3 = figures
        return Progress(
            images=self.step * self.batch_of_all,
            images_total=self.settings.images,
            images_per_second=rate,
            box_px=box,
            learning_rate=float(self.optimiser.param_groups[0]["lr"]),
            loss=loss,
            top1=top1,
            top3=top3,
            seconds=self.seconds,
            validation=validation,
        )


def train(
    training_set: TrainingSet, out: Path, settings: TrainingSettings, report: Callable[[Progress], None]
) -> ShapeNetwork:
    """Train, resuming what stands in ``out``; return the network of lowest validation loss, ready to embed.

    ``out`` receives state.pt (to resume), best.pt (averaged weights) and log.jsonl (one line a report).
    """
    out.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(training_set, out, settings)

    def record(progress: Progress) -> None:
        line = {name: getattr(progress, name) for name in Progress.__slots__}
        with (out / "log.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")
        report(progress)

    best = trainer.run(record)
    network = trainer.average
    network.load_state_dict(load_state(best, trainer.device)["average"])
    trainer.close()
    return network.eval()


def _main() -> None:
    import argparse

    defaults = TrainingSettings()
    parser = argparse.ArgumentParser(description="Train the shape network from one .npz of bead models.")
    parser.add_argument("training_set", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--images", type=int, default=defaults.images)
    parser.add_argument("--batch", type=int, default=defaults.batch)
    parser.add_argument("--learning-rate", type=float, default=defaults.learning_rate)
    parser.add_argument("--device", default=defaults.device)
    parser.add_argument("--pretrained", default=None, metavar="imagenet|FILE")
    parser.add_argument("--seed", type=int, default=defaults.seed)
    options = vars(parser.parse_args())
    path, out = options.pop("training_set"), options.pop("out")
    train(
        read_training_set(path),
        out,
        replace(defaults, **options),
        lambda p: print(progress_line(p), flush=True),
    )


if __name__ == "__main__":
    _main()
