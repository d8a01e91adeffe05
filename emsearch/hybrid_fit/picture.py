"""A fit as a picture, the image beside what is drawn of it, and as an animation along the way of the fit."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emsearch.hybrid_fit.fitted_image import FittedImage

__all__ = ["write_animation", "write_picture"]

_INK, _PAPER = "#e6e6e6", "#14181d"
_FRAME_MS = 250
_LAST_MS = 1500
_ENLARGED = 4


def write_picture(fitted: FittedImage, path: Path) -> None:
    """Write a PNG: the image, the structure as it is and bent, each as the microscope would show it, and what they leave."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    fit = fitted.fit
    image = fit.problem.target.image.numpy()
    rigid, left_before = fit.problem.parts(fit.rigid.state, fit.rigid.amplitudes)
    bent, left_after = fit.problem.parts(fit.bent.state, fit.bent.amplitudes)
    figure = Figure(figsize=(11.0, 2.7), dpi=110, facecolor=_PAPER)
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, 5)
    most = float(np.abs(image).max())
    shown = (
        (image, "image"),
        (rigid.numpy(), f"as it is\nr = {fit.rigid.correlation:.3f}"),
        (bent.numpy(), f"bent\nr = {fit.bent.correlation:.3f}"),
        (left_before.numpy(), "left as it is"),
        (left_after.numpy(), "left when bent"),
    )
    for panel, (picture, title) in zip(panels, shown, strict=True):
        panel.imshow(picture, cmap="gray", vmin=-most, vmax=most)
        panel.set_title(title, color=_INK, fontsize=9)
        panel.axis("off")
    figure.tight_layout()
    figure.savefig(path, facecolor=_PAPER)


def write_animation(fitted: FittedImage, path: Path) -> None:
    """Write an animated PNG of the model's image at each step of the bend, the image itself on the left."""
    from PIL import Image

    fit = fitted.fit
    image = fit.problem.target.image.numpy()
    frames = []
    for state in (fit.rigid.state, *fit.bent.path):
        drawn, _ = fit.problem.parts(state, fit.problem.solved(state)[0].amplitudes[0])
        frames.append(Image.fromarray(_gray(np.concatenate([image, drawn.numpy()], axis=1))))
    frames[0].save(
        path,
        format="PNG",
        save_all=True,
        append_images=frames[1:],
        duration=[_FRAME_MS] * (len(frames) - 1) + [_LAST_MS],
        loop=0,
    )


def _gray(picture: NDArray[np.floating]) -> NDArray[np.uint8]:
    low, high = np.quantile(picture, [0.001, 0.999])
    values = np.clip((picture - low) / max(float(high - low), 1e-9), 0, 1)
    return np.asarray((255 * values).astype(np.uint8)).repeat(_ENLARGED, axis=0).repeat(_ENLARGED, axis=1)
