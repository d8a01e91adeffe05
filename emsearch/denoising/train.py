"""Training of the denoiser, alone by absolute difference or against a judge of patches (pix2pix)."""

import copy
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from emsearch.denoising.pairs import Pairs, draw_pairs
from emsearch.denoising.patch_gan import PatchJudge, opponent_loss
from emsearch.denoising.settings import DenoisingSettings
from emsearch.denoising.unet import DenoisingNetwork
from emsearch.imaging.simulate import Simulator
from emsearch.network.ahead import ahead
from emsearch.network.checkpoint import load_state, save_state
from emsearch.network.precision import autocast
from emsearch.network.schedule import learning_rate_at
from emsearch.network.training_set import TrainingSet
from emsearch_index.errors import UsageError

__all__ = ["DenoisingProgress", "progress_line", "train_denoiser"]

Network = TypeVar("Network", bound=nn.Module)

_TRAINING, _VALIDATION = 0, 1  # streams of random numbers that never meet


@dataclass(frozen=True, slots=True)
class DenoisingProgress:
    """Where training stands; ``difference`` is the mean absolute one of the latest images.

    ``validation`` holds the difference and the correlation with the truth on views that training never draws, now and then.
    """

    images: int
    images_total: int
    images_per_second: float
    difference: float
    seconds: float
    validation: dict[str, float] | None


class _Trainer:
    """One run: networks, optimisers, the average of the weights, and the step they stand at."""

    def __init__(
        self,
        training_set: TrainingSet,
        out: Path,
        settings: DenoisingSettings,
        device: torch.device,
        start: DenoisingNetwork | None,
    ) -> None:
        self.set, self.out, self.settings, self.device = training_set, out, settings, device
        self.simulator = Simulator(training_set.cloud, device)
        torch.manual_seed(settings.seed)
        network = DenoisingNetwork(settings.width) if start is None else copy.deepcopy(start)
        self.network = _placed(network, device)
        self.average = copy.deepcopy(self.network)
        self.optimiser = torch.optim.AdamW(
            self.network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        self.judge = _placed(PatchJudge(), device)
        self.judge_optimiser = torch.optim.Adam(
            self.judge.parameters(), lr=settings.judge_learning_rate, betas=(0.5, 0.999)
        )
        self.step = 0
        self.seconds = 0.0

    @property
    def last_step(self) -> int:
        """The step at which the run ends."""
        return -(-self.settings.images // self.settings.batch)

    def _parts(self) -> dict[str, Any]:
        return {
            "network": self.network,
            "average": self.average,
            "optimiser": self.optimiser,
            "judge": self.judge,
            "judge_optimiser": self.judge_optimiser,
        }

    def _identity(self) -> str:
        """Return what a run must share with one that it goes on with."""
        return json.dumps([asdict(self.settings), self.set.groups, self.set.structures])

    def save(self) -> None:
        """Write the state from which ``resume`` goes on as if nothing had happened."""
        state: dict[str, Any] = {name: part.state_dict() for name, part in self._parts().items()}
        state |= {"step": self.step, "seconds": self.seconds, "identity": self._identity()}
        save_state(self.out / "state.pt", state)

    def resume(self) -> None:
        """Go on from the state on disk, if there is one; UsageError where it is of another run."""
        path = self.out / "state.pt"
        if not path.exists():
            return
        state = load_state(path, self.device)
        if state["identity"] != self._identity():
            raise UsageError(
                f"{self.out} holds a training with other settings or structures; give another folder"
            )
        for name, part in self._parts().items():
            part.load_state_dict(state[name])
        self.step, self.seconds = state["step"], state["seconds"]

    def _draw(self, stream: int, step: int, n: int) -> Pairs:
        s = self.settings
        return draw_pairs(
            self.set,
            self.simulator,
            s.ranges,
            n=n,
            member_share=s.member_share,
            empty_share=s.empty_share if stream == _TRAINING else 0.0,
            key=(s.seed, stream, step),
        )

    def _draw_training(self, step: int) -> Pairs:
        return self._draw(_TRAINING, step, self.settings.batch)

    def learn(self, pairs: Pairs) -> float:
        """Take one step; return the mean absolute difference."""
        s = self.settings
        rate = learning_rate_at((self.step + 1) / self.last_step, s.learning_rate, s.warmup)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        with autocast(self.device):
            guess = self.network(pairs.images).float()
        difference = functional.l1_loss(guess, pairs.targets)
        loss = difference
        if s.adversarial:
            self._teach_judge(pairs, guess.detach())
            with autocast(self.device):
                odds = self.judge(pairs.images, guess).float()
            loss = functional.softplus(-odds).mean() + s.l1_weight * difference
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), s.l1_weight if s.adversarial else 1.0)
        self.optimiser.step()
        self.step += 1
        self._update_average()
        return float(difference.detach())

    def _teach_judge(self, pairs: Pairs, guess: Tensor) -> None:
        with autocast(self.device):
            real = self.judge(pairs.images, pairs.targets).float()
            guessed = self.judge(pairs.images, guess).float()
        self.judge_optimiser.zero_grad(set_to_none=True)
        opponent_loss(real, guessed).backward()
        self.judge_optimiser.step()

    @torch.no_grad()
    def _update_average(self) -> None:
        """Exponential moving average of the weights (Polyak and Juditsky 1992), short at first."""
        decay = min(self.settings.ema_decay, (1 + self.step) / (10 + self.step))
        torch._foreach_lerp_(list(self.average.parameters()), list(self.network.parameters()), 1 - decay)

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """Measure the averaged weights on views that training never draws."""
        n, step = self.settings.validation_images, self.settings.batch
        difference, correlation = [], []
        for k in range(-(-n // step)):
            pairs = self._draw(_VALIDATION, k, step)
            guess = self.average(pairs.images)
            difference.append(functional.l1_loss(guess, pairs.targets))
            correlation.append(
                functional.cosine_similarity(guess.flatten(1), pairs.targets.flatten(1)).mean()
            )
        return {
            "difference": float(torch.stack(difference).mean()),
            "correlation": float(torch.stack(correlation).mean()),
        }

    def run(self, report: Callable[[DenoisingProgress], None]) -> None:
        """Train to the end."""
        self.resume()
        s = self.settings
        started, saved = time.monotonic() - self.seconds, time.monotonic()
        window, recent = (time.monotonic(), self.step), [0.0][:0]
        per_validation = max(1, s.validate_every_images // s.batch)
        for pairs in ahead(self._draw_training, self.step, self.last_step):
            recent.append(self.learn(pairs))
            now = time.monotonic()
            self.seconds = now - started
            last = self.step == self.last_step
            if last or self.step % per_validation == 0 or self.step % s.report_every_steps == 0:
                report(
                    DenoisingProgress(
                        images=self.step * s.batch,
                        images_total=self.last_step * s.batch,
                        images_per_second=(self.step - window[1]) * s.batch / max(now - window[0], 1e-9),
                        difference=sum(recent) / len(recent),
                        seconds=self.seconds,
                        validation=self.validate() if last or self.step % per_validation == 0 else None,
                    )
                )
                window, recent = (time.monotonic(), self.step), []
            if last or now - saved > s.checkpoint_every_seconds:
                self.save()
                saved = now


def _placed(network: Network, device: torch.device) -> Network:
    return network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def train_denoiser(
    training_set: TrainingSet,
    out: Path,
    settings: DenoisingSettings,
    *,
    device: torch.device,
    start: DenoisingNetwork | None = None,
    report: Callable[[DenoisingProgress], None] = lambda progress: None,
) -> DenoisingNetwork:
    """Train, resuming what stands in ``out``; return the network with averaged weights, ready to use.

    ``out`` receives state.pt (to resume) and log.jsonl (one line a report). ``start`` is the network to begin with.

    Raises
    ------
    UsageError
        ``out`` holds the state of another run.
    """
    out.mkdir(parents=True, exist_ok=True)
    trainer = _Trainer(training_set, out, settings, device, start)

    def record(progress: DenoisingProgress) -> None:
        with (out / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(progress)) + "\n")
        report(progress)

    trainer.run(record)
    return trainer.average.eval()


def progress_line(p: DenoisingProgress) -> str:
    """Return one log line."""
    left = (p.images_total - p.images) / max(p.images_per_second, 1e-9) / 60
    line = (
        f"{p.images:>9,}/{p.images_total:,} pairs  {p.images_per_second:4.0f}/s  "
        f"difference {p.difference:.3f}  {left:4.0f} min left"
    )
    if p.validation is not None:
        v = p.validation
        line += f"  | unseen: difference {v['difference']:.3f} correlation {v['correlation']:.3f}"
    return line
