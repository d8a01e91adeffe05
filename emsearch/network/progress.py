"""What a training run reports."""

from dataclasses import dataclass

__all__ = ["Progress", "progress_line"]


@dataclass(frozen=True, slots=True)
class Progress:
    """Where training stands, as shown to the user and written to log.jsonl."""

    images: int
    images_total: int
    images_per_second: float
    box_px: int
    learning_rate: float
    loss: float
    top1: float
    top3: float
    seconds: float
    validation: dict[str, float] | None


def progress_line(p: Progress) -> str:
    """Return one log line."""
    left = (p.images_total - p.images) / max(p.images_per_second, 1e-9) / 60
    line = (
        f"{p.images:>9,}/{p.images_total:,} images  {p.box_px} px  {p.images_per_second:5.0f}/s  "
        f"loss {p.loss:.3f}  top-1 {p.top1:.3f}  top-3 {p.top3:.3f}  {left:4.0f} min left"
    )
    if p.validation is not None:
        v = p.validation
        line += f"  | unseen: loss {v['loss']:.3f} top-1 {v['top1']:.3f}"
        line += f" top-3 {v['top3']:.3f} top-20 {v['top20']:.3f}"
    return line
