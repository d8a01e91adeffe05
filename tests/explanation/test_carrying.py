"""Relevance of pixels carried back onto beads."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from emsearch.explanation.carrying import carry_to_beads
from emsearch.explanation.planted import projected_lobe
from emsearch.imaging.parameters import clean_parameters
from emsearch.imaging.rotations import random_quaternions
from emsearch.imaging.simulate import Simulator
from emsearch.structures.beads import BeadModel

PIXEL, BOX = 4.5, 64


@pytest.mark.parametrize("fill", [1.0, 0.6])
def test_relevance_is_conserved(blobs: dict[str, BeadModel], fill: float) -> None:
    rng = np.random.default_rng(0)
    relevance = rng.normal(size=(BOX, BOX))
    model = replace(blobs["blob0"], nucleic=rng.random(len(blobs["blob0"])) < 0.3)
    for quaternion in random_quaternions(rng, 3):
        parameters = clean_parameters(quaternion[None], fill=fill).with_values(
            uptake=0.5, top_signal=0.1, shift_angstrom=[[7.0, -3.0]]
        )
        carried = carry_to_beads(relevance, model, parameters, PIXEL)
        assert carried.beads.shape == (len(model),)
        assert carried.beads.sum() + carried.beside == pytest.approx(relevance.sum(), rel=1e-9)


def test_the_projection_itself_comes_back_as_what_each_bead_adds(
    blobs: dict[str, BeadModel], blob_simulator: Simulator
) -> None:
    parameters = clean_parameters(np.array([[0.5, 0.5, -0.5, 0.5]]))
    drawn = blob_simulator.projections(np.array([1]), parameters, np.array([PIXEL]), BOX)[0].double().numpy()
    carried = carry_to_beads(drawn, blobs["blob1"], parameters, PIXEL)
    # All beads weigh the same; a little of those at the rim lies where the projection counts as nothing.
    volume = float(blobs["blob1"].volume_angstrom3[0])
    assert np.median(carried.beads) == pytest.approx(volume, rel=1e-3)
    assert abs(carried.beside) < 0.02 * drawn.sum()


def test_many_directions_find_the_lobe(planted_images: Any) -> None:
    planted = planted_images.planted
    parameters = clean_parameters(random_quaternions(np.random.default_rng(1), 40))
    lobes = projected_lobe(planted, parameters, PIXEL, BOX)
    beads = sum(
        carry_to_beads(lobe.astype(float), planted.whole, parameters[k : k + 1], PIXEL).beads
        for k, lobe in enumerate(lobes)
    )
    assert isinstance(beads, np.ndarray)
    one = carry_to_beads(lobes[0].astype(float), planted.whole, parameters[:1], PIXEL).beads

    def ahead(relevance: np.ndarray[Any, Any]) -> float:
        inside, outside = relevance[planted.lobe], relevance[~planted.lobe]
        return float((inside[:, None] > outside[None]).mean())

    assert ahead(beads) > 0.97 > ahead(one) - 0.02
