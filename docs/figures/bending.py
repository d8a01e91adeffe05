"""Draw a Y-complex hub bent by 8 A, the unbent structure fitted to its image, and what the fit leaves.

Run from the repository's root: python docs/figures/bending.py
"""

from pathlib import Path

import numpy as np
import torch

from emsearch.hybrid_fit.bending_to_fit import bend_to_fit
from emsearch.hybrid_fit.fitted_image import FittedImage, Subject
from emsearch.hybrid_fit.picture import write_picture
from emsearch.imaging.cloud import BeadCloud
from emsearch.imaging.normalise import normalise
from emsearch.imaging.parameters import clean_parameters
from emsearch.imaging.rotations import random_quaternions
from emsearch.imaging.simulate import Simulator
from emsearch.search.engine import open_index
from emsearch.search.target import Target
from emsearch.structures.bending import bent

OUT = Path("docs/images/bending.png")
STRUCTURE, PIXEL_ANGSTROM, BOX = "4ycz", 7.5, 64
SEED = 5


def main() -> None:
    """Draw one view at SNR 10 and fit it."""
    model = open_index(device="cpu").library.model(STRUCTURE)
    drawn = clean_parameters(random_quaternions(np.random.default_rng(SEED), 1), fill=0.8).with_values(snr=10)
    simulator = Simulator(BeadCloud.from_models([bent(model, 8.0, SEED)]))
    shot = simulator.micrographs(np.zeros(1, np.int64), drawn, np.array([PIXEL_ANGSTROM]), BOX, SEED)
    image = normalise(shot.micrographs, torch.tensor([BOX / 2]))[0]
    found = bend_to_fit(Target.measured(image, BOX / 2, PIXEL_ANGSTROM), model)
    subject = Subject(STRUCTURE, model, "")
    write_picture(FittedImage(1, subject, found, 1.0, "bright", PIXEL_ANGSTROM), OUT)


if __name__ == "__main__":
    main()
