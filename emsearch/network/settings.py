"""Settings of one training run."""

from dataclasses import dataclass, field

from emsearch.imaging.parameters import ParameterRanges

__all__ = ["TrainingSettings"]


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """How the network is trained; the defaults are what two cores do in some hours.

    With no ``images`` the ``pretrained`` weights are measured and taken as they are.
    ``stages`` are (share of all images, box in pixels): small, cheap images first, the full box last. Peak
    learning rate is for a batch of 128 and grows with the batch. Over the share ``curriculum`` of the run the
    noisiest images drawn go from ``first_lowest_snr`` down to the lowest of ``ranges``.
    """

    images: int = 1_320_000
    batch: int = 256
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    label_smoothing: float = 0.05
    sketch_weight: float = 1.0
    warmup: float = 0.03
    dropout: float = 0.1
    width: int = 64
    member_share: float = 0.5
    ema_decay: float = 0.998
    stages: tuple[tuple[float, int], ...] = ((0.08, 32), (0.92, 64))
    first_lowest_snr: float = 3.0
    curriculum: float = 0.4
    validation_images: int = 2048
    validate_every_images: int = 25_600
    checkpoint_every_seconds: float = 180.0
    seed: int = 0
    device: str = "auto"
    pretrained: str | None = None
    ranges: ParameterRanges = field(default_factory=lambda: ParameterRanges(log_snr=(0.05, 100.0)))
