"""The search as a library: arrays in, answers out."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from emsearch.particles.errors import ImageError
from emsearch.particles.reading import check_image, validate_pixel_size
from emsearch.search import engine
from emsearch.search.answering import answer_proposal
from emsearch.search.contrast import decide_contrast
from emsearch.search.hits import Answer
from emsearch.search.proposal import propose_together
from emsearch.search.quantities import quantities_of_image
from emsearch.search.shortlist import SHORTLIST

__all__ = ["Index", "open_index"]

_TOGETHER = 128


class Index:
    """An open index that answers images; `emsearch.open_index` opens one."""

    def __init__(self, opened: engine.SearchIndex) -> None:
        self.opened = opened

    @property
    def path(self) -> Path:
        """Where the index lies."""
        return self.opened.path

    @property
    def groups(self) -> list[engine.Group]:
        """Its shape groups."""
        return self.opened.groups

    def search(
        self,
        images: NDArray[np.number],
        *,
        pixel_size_angstrom: float | None = None,
        contrast: str = "auto",
        top: int = 5,
        rerank: int = SHORTLIST,
    ) -> list[Answer]:
        """Answer each of some images, in their order.

        Parameters
        ----------
        images : (n, h, w) or (h, w), any real dtype
            Particles roughly in the middle, row 0 at the top.
        pixel_size_angstrom : float, optional
            Of all of them; without it, size is not used and every class is searched.
        contrast : {"auto", "bright", "dark"}
            Whether the particles are brighter or darker than their surroundings; "auto" decides once for all.
        top, rerank : int
            Hits returned, and groups matched by projection: 0 is ten times faster and leaves out the poses.

        Raises
        ------
        ImageError
            An image without content, an array that is no stack, or a pixel size that cannot be.
        """
        stack = _stack(images)
        if pixel_size_angstrom is not None:
            validate_pixel_size(pixel_size_angstrom)
        sign = decide_contrast(self.opened, torch.from_numpy(stack), pixel_size_angstrom, contrast)
        bright = torch.from_numpy(stack if sign == "bright" else -stack)
        answers = []
        for first in range(0, len(stack), _TOGETHER):
            some = bright[first : first + _TOGETHER]
            proposals = propose_together(self.opened, some, pixel_size_angstrom)
            for k, image in enumerate(some):
                proposal = proposals.of(self.opened, k, most=max(top, rerank))
                reply = answer_proposal(self.opened, image, proposal, top=top, rerank=rerank)
                answers.append(
                    Answer(
                        path="array",
                        image=first + k + 1,
                        pixel_size_angstrom=pixel_size_angstrom,
                        pixel_size_source="none" if pixel_size_angstrom is None else "argument",
                        contrast=sign,
                        index_path=str(self.path),
                        generation=self.opened.generation.name,
                        in_database_probability=reply.in_database_probability,
                        particle_probability=reply.particle_probability,
                        hits=reply.hits,
                        undecided=reply.undecided,
                        notes=(),
                        quantities=quantities_of_image(
                            self.opened, proposals, k, pixel_size_angstrom, reply.hits[0].size_class
                        ),
                    )
                )
        return answers


def _stack(images: NDArray[np.number]) -> NDArray[np.float32]:
    """Return images as a stack, float32 (n, h, w), each of them checked."""
    stack = np.asarray(images)
    if stack.ndim == 2:
        stack = stack[None]
    if stack.ndim != 3 or not len(stack) or stack.dtype.kind not in "iuf":
        raise ImageError(
            f"an array of {stack.dtype} of shape {stack.shape} is no stack of images; give real numbers, (n, h, w)"
        )
    converted = np.ascontiguousarray(stack, np.float32)
    for number, image in enumerate(converted, start=1):
        check_image(image, f"image {number} of the array")
    return converted


def open_index(path: str | Path | None = None, *, device: str = "auto") -> Index:
    """Open an index, the one that ships by default.

    Raises IndexMissingError where there is none and IndexCorruptError where a file disagrees with its manifest.
    """
    return Index(engine.open_index(Path(path) if path is not None else None, device=device))
