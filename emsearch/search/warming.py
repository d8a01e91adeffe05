"""A search that nobody asked for: it compiles the kernels and draws the views that the first image would wait for."""

import numpy as np
import torch

from emsearch.search.answering import answer_image
from emsearch.search.engine import SearchIndex
from emsearch.search.hits import View
from emsearch.search.picture import posed_view

__all__ = ["warm"]


def warm(index: SearchIndex) -> None:
    """Search for a clear view of the first group's representative, in a little noise."""
    group = index.groups[0]
    size = next(c for c in index.classes if c.name == group.size_class)
    view = View(group.representative, (1.0, 0.0, 0.0, 0.0), 0.0, (0.0, 0.0), False, 1.0, 1.0)
    drawn = posed_view(index, view, size.box_px, size.pixel_size_angstrom)
    noise = np.random.default_rng(0).normal(0, 0.1 * float(drawn.std()), drawn.shape)
    image = torch.from_numpy((drawn + noise).astype(np.float32))
    answer_image(index, image, size.pixel_size_angstrom)
