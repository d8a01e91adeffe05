"""Draw the example images: three structures of the shipped index, at directions that it does not hold.

Run from the repository's root: python examples/make_examples.py
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import mrcfile
import numpy as np
from PIL import Image

from emsearch.build import simulate_file

EXAMPLES = (("beta-galactosidase", "6cvm", 5), ("groel", "1aon", 6), ("ribosome-70s", "4v5a", 9))
PIXEL_SIZE_ANGSTROM = 3.75
SNR = 2.0


def main() -> None:
    """Write one 8-bit PNG for each example, particle bright, at 3.75 A a pixel."""
    for name, structure, seed in EXAMPLES:
        with TemporaryDirectory() as folder:
            stack = simulate_file(
                structure,
                Path(folder) / "image.mrcs",
                images=1,
                snr=SNR,
                modality="stain",
                pixel_size_angstrom=PIXEL_SIZE_ANGSTROM,
                box_px=128,
                seed=seed,
            )
            with mrcfile.open(stack) as file:
                image = np.asarray(file.data).reshape(-1, *file.data.shape[-2:])[0]
        low, high = np.percentile(image, (0.5, 99.5))
        grey = np.clip((image - low) / (high - low) * 255, 0, 255).astype(np.uint8)
        Image.fromarray(grey).save(Path(__file__).parent / f"{name}.png")


if __name__ == "__main__":
    main()
