"""The query beside the posed projections of its hits, as a PNG."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emsearch.imaging.parameters import clean_parameters
from emsearch.particles.reading import read_images
from emsearch.search.engine import SearchIndex
from emsearch.search.hits import Answer, Hit, View

__all__ = ["posed_projection", "posed_view", "query_image", "write_picture"]

_INK, _PAPER = "#e6e6e6", "#14181d"


def posed_projection(
    index: SearchIndex, hit: Hit, side_px: int, pixel_size_angstrom: float
) -> NDArray[np.float32]:
    """Draw a hit's structure as it lies under the image, float32 (side, side), at the image's sampling."""
    if hit.view is None:
        raise ValueError(f"hit {hit.rank} was not matched, so it has no pose")
    return posed_view(index, hit.view, side_px, pixel_size_angstrom)


def posed_view(
    index: SearchIndex, view: View, side_px: int, pixel_size_angstrom: float
) -> NDArray[np.float32]:
    """Draw a structure as a view poses it, float32 (side, side)."""
    parameters = clean_parameters(np.array([view.quaternion]), fill=view.fill).with_values(
        shift_angstrom=np.array([view.shift_px]) * pixel_size_angstrom
    )
    simulator = index.simulator([view.structure])
    drawn = simulator.projections(np.zeros(1, np.int64), parameters, np.array([pixel_size_angstrom]), side_px)
    return np.asarray(drawn[0].cpu().numpy())


def query_image(answer: Answer) -> NDArray[np.float32]:
    """Read the image that was asked about again, its particle bright."""
    stack = read_images(f"{answer.image}@{answer.path}" if answer.image > 1 else answer.path, max_images=1)
    image: NDArray[np.float32] = stack.images[0]
    return image if answer.contrast == "bright" else -image


def write_picture(index: SearchIndex, answer: Answer, path: Path) -> None:
    """Write the query and its matched hits side by side.

    Without a pixel size each projection is drawn so that its structure fills the same share of the frame.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    image = query_image(answer)
    side = min(image.shape)
    hits = [hit for hit in answer.hits if hit.view is not None]
    figure = Figure(figsize=(2.2 * (1 + len(hits)), 2.9), dpi=130, facecolor=_PAPER)
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, 1 + len(hits), squeeze=False)[0]
    panels[0].imshow(image, cmap="gray")
    panels[0].set_title("query", color=_INK, fontsize=9)
    for panel, hit in zip(panels[1:], hits, strict=True):
        pixel = answer.pixel_size_angstrom or hit.dmax_angstrom * 1.5 / side
        panel.imshow(posed_projection(index, hit, side, pixel), cmap="gray")
        correlation = hit.view.correlation if hit.view is not None else float("nan")
        title = f"{hit.rank}. {hit.representative}\n{100 * hit.probability:.0f} %   r = {correlation:.2f}"
        panel.set_title(title, color=_INK, fontsize=9)
    for panel in panels:
        panel.axis("off")
    figure.tight_layout()
    figure.savefig(path, facecolor=_PAPER)
