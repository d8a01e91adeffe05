"""Settings of the training of the denoiser."""

from dataclasses import dataclass, field

from emsearch.imaging.parameters import ParameterRanges

__all__ = ["DenoisingSettings"]


@dataclass(frozen=True, slots=True)
class DenoisingSettings:
    """How the denoiser is trained; the one that ships saw more pairs (docs/explanation/denoising.md).

    ``empty_share`` of the images show noise alone, so that nothing is learnt to be seen in it. With ``adversarial`` the
    pictures must also deceive a judge of patches (pix2pix), beside which the absolute difference counts ``l1_weight`` times.
    """

    images: int = 72_000
    batch: int = 32
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    warmup: float = 0.03
    ema_decay: float = 0.995
    width: int = 16
    member_share: float = 0.5
    empty_share: float = 0.05
    adversarial: bool = False
    l1_weight: float = 100.0
    judge_learning_rate: float = 2e-4
    validation_images: int = 256
    validate_every_images: int = 6_400
    report_every_steps: int = 50
    checkpoint_every_seconds: float = 60.0
    seed: int = 0
    ranges: ParameterRanges = field(default_factory=lambda: ParameterRanges(log_snr=(0.1, 50.0)))
