"""Draw what the denoiser guesses behind images of groups that it was never trained on, and behind noise.

Run from the repository's root: python docs/figures/denoising.py
"""

from pathlib import Path

import torch
from matplotlib.figure import Figure

from emsearch.denoising.denoise import guess_framed
from emsearch.denoising.pairs import clean_view
from emsearch.denoising.weights import load_denoiser, shipped_weights
from emsearch.evaluation.simulated import STAIN, draw_images
from emsearch.imaging.normalise import normalise
from emsearch.search.engine import open_index

OUT = Path("docs/images/denoising.png")
LEVELS = (10.0, 2.0, 0.5, 0.1, 1e-6)
SHOWN = 3
SEED = 5


def main() -> None:
    """Draw, for some groups, the image and the guess at each level, and the truth."""
    index = open_index(device="cpu")
    denoiser = load_denoiser(shipped_weights())
    unseen = [index.number[name] for name in denoiser.left_out]
    large = [g for g in unseen if index.groups[g].dmax_angstrom > 150][:SHOWN]
    figure = Figure(figsize=(7.2, 1.02 * 2 * SHOWN), layout="constrained")
    panels = figure.subplots(2 * SHOWN, len(LEVELS) + 1)
    for row, group in enumerate(large):
        for column, snr in enumerate(LEVELS):
            drawn = draw_images(index, [group], STAIN, 1, SEED, snr)
            aperture = torch.full((1,), drawn.images.shape[-1] / 2)
            image = normalise(drawn.images, aperture)
            guess = guess_framed(denoiser, image, aperture)
            above, below = panels[2 * row, column], panels[2 * row + 1, column]
            above.imshow(image[0], cmap="gray")
            below.imshow(guess.pictures[0], cmap="gray", vmin=-1, vmax=4)
            name = "noise alone" if snr < 1e-3 else f"SNR {snr:g}"
            above.set_title(name, fontsize="x-small")
            below.set_title(f"guess, strength {float(guess.strength[0]):.2f}", fontsize="x-small")
        (clean,) = index.simulator([index.groups[group].representative]).projections(
            torch.zeros(1, dtype=torch.int64).numpy(),
            clean_view(drawn.parameters),
            drawn.pixel_size_angstrom,
            drawn.images.shape[-1],
        )
        panels[2 * row + 1, -1].imshow(clean, cmap="gray")
        panels[2 * row + 1, -1].set_title("truth", fontsize="x-small")
    for panel in panels.flat:
        panel.axis("off")
    figure.savefig(OUT, dpi=100)


if __name__ == "__main__":
    main()
