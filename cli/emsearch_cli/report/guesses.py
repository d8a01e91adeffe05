"""What the denoiser guesses behind the images of a report."""

from dataclasses import replace
from typing import TYPE_CHECKING

from emsearch_cli.report.contents import ReportContents, SetPage

if TYPE_CHECKING:
    from emsearch.denoising.weights import Denoiser

__all__ = ["with_guesses"]


def with_guesses(contents: ReportContents, denoiser: "Denoiser") -> ReportContents:
    """Return a report that shows a guess beside each image; without a pixel size, pictures are taken to fill the box."""
    return replace(contents, sets=tuple(_with_guess(page, denoiser) for page in contents.sets))


def _with_guess(page: SetPage, denoiser: "Denoiser") -> SetPage:
    import numpy as np
    import torch

    from emsearch.denoising.denoise import denoise

    if page.query_image is None:
        return page
    image = torch.from_numpy(np.ascontiguousarray(page.query_image, np.float32))
    guess = denoise(denoiser, image[None], page.pixel_size_angstrom)
    note = (
        f"the denoised picture is a model's guess of strength {float(guess.strength[0]):.2f}, and no evidence"
    )
    return replace(page, denoised=guess.pictures[0].numpy(), notes=(*page.notes, note))
