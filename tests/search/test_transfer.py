"""Images of which the transfer function is known, matched through it."""

import numpy as np
import pytest
import torch

from emsearch.imaging.normalise import normalise
from emsearch.imaging.parameters import clean_parameters
from emsearch.imaging.rotations import random_quaternions
from emsearch.particles.ctf_correction import correct_ctf, remaining_transfer
from emsearch.particles.optics import Optics
from emsearch.search.coarse_views import CoarseSettings, CoarseViews
from emsearch.search.library import StructureLibrary
from emsearch.search.matching import Match, MatchingSettings, match
from emsearch.search.target import Target, Transfer
from emsearch.structures.beads import BeadModel

PIXEL, BOX, APERTURE = 4.5, 64, 32.0
COUNT = 8
QUICK = MatchingSettings(coarse=CoarseSettings(nside=2, fills=(1.0,), uptakes=(0.0,)), starts=2, steps=3)


def optics() -> Optics:
    def every(value: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return np.full(1, value, np.float64)

    return Optics(every(120), every(2.7), every(0.15), every(1.0), every(1.0), every(0), every(0))


def matched(blobs: dict[str, BeadModel], *, known: bool) -> tuple[list[list[Match]], list[int]]:
    """Match noisy particles that were seen through a microscope; return the right places besides."""
    library, names = StructureLibrary(blobs), sorted(blobs)
    simulator = library.simulator(names)
    rng = np.random.default_rng(5)
    structure = np.arange(COUNT) % len(names)
    parameters = clean_parameters(random_quaternions(rng, COUNT)).with_values(
        snr=3.0, defocus_um=1.0, voltage_kv=120.0, cs_mm=2.7, amplitude_contrast=0.15
    )
    shot = simulator.micrographs(structure, parameters, np.full(COUNT, PIXEL), BOX, 7).micrographs
    every = Optics(*(np.repeat(getattr(optics(), name), COUNT) for name in Optics.__slots__))
    images = normalise(correct_ctf(shot, PIXEL, every), torch.full((COUNT,), APERTURE))
    left: Transfer | None = (
        (lambda box, pixel: remaining_transfer(optics(), "phase-flip", box, pixel)[0]) if known else None
    )
    targets = [Target.measured(image, APERTURE, 1.0).at(PIXEL, left) for image in images]
    views = CoarseViews(library)
    return [match([(t, names)], views, settings=QUICK)[0] for t in targets], structure.tolist()


def test_transfer_of_an_unknown_microscope_is_one() -> None:
    assert float(remaining_transfer(Optics.unknown(2), "phase-flip", 8, PIXEL).min()) == 1.0
    assert float(remaining_transfer(optics(), "none", 8, PIXEL).min()) == 1.0


def test_flipped_images_keep_the_modulus_and_restored_ones_nearly_all() -> None:
    flipped = remaining_transfer(optics(), "phase-flip", BOX, PIXEL)
    restored = remaining_transfer(optics(), "wiener", BOX, PIXEL)
    assert flipped.shape == (1, BOX, BOX // 2 + 1)
    assert float(flipped[0, 0, 0]) == pytest.approx(0.15)
    torch.testing.assert_close(restored, flipped.square() / (flipped.square() + 0.1))


def test_matching_through_the_transfer_function_explains_more(blobs: dict[str, BeadModel]) -> None:
    plain, right = matched(blobs, known=False)
    through, _ = matched(blobs, known=True)
    gain = [
        (t[k].correlation - p[k].correlation, t[k].log_posterior - p[k].log_posterior)
        for p, t, k in zip(plain, through, right, strict=True)
    ]
    assert np.median(gain, axis=0).min() > 0
    found = [int(np.argmax([m.log_posterior for m in t])) for t in through]
    assert np.mean(np.array(found) == right) >= 0.85
