"""The projection of a bent model is that of the simulator, and its derivatives those of finite differences."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from emsearch.hybrid_fit.drawing import Frame, draw
from emsearch.hybrid_fit.state import BEND, DEFOCUS, State
from emsearch.imaging.cloud import BeadCloud
from emsearch.imaging.simulate import Simulator
from emsearch.search.image_model import drawing_parameters
from emsearch.search.poses import Poses
from emsearch.structures.bending import bend

FRAME = Frame(64, 3.0)
WIDTH = 2.0


def state_of(known_bend: Any, units: Any) -> State:
    pose = Poses(
        structure=np.zeros(1, np.int64),
        quaternion=known_bend.quaternion[None],
        shift_px=np.array([[0.4, -1.3]]),
        scale=np.array([0.03]),
        fill=np.array([0.7]),
        blur=np.log([19.0]),
        uptake=np.array([0.3]),
        top=np.array([0.1]),
    )
    return replace(State.rigid(pose), modes=np.asarray(units))


def test_it_is_the_simulators_projection(known_bend: Any) -> None:
    flexible = known_bend.flexible
    units = np.array([0.7, -0.4, 1.1, 0.2])
    state = state_of(known_bend, units)
    model = bend(flexible.model, flexible.modes, units * flexible.amplitude_angstrom)
    cloud = BeadCloud.from_models([model])
    drawn = draw(flexible, float(cloud.width_angstrom[0]), state, FRAME).projection
    parameters = drawing_parameters(state.pose, 3.0)
    (expected,) = Simulator(cloud).projections(np.zeros(1, np.int64), parameters, np.array([3.0]), 64)
    # The simulator reads the stain's surface off a table.
    np.testing.assert_allclose(drawn.numpy(), expected.numpy(), atol=1e-3 * float(expected.max()))


@pytest.mark.parametrize("parameter", [k for k in range(BEND + 4) if k != DEFOCUS])
def test_derivatives_are_those_of_finite_differences(known_bend: Any, parameter: int) -> None:
    state = state_of(known_bend, [0.7, -0.4, 1.1, 0.2])
    slope = draw(known_bend.flexible, WIDTH, state, FRAME).slopes[parameter].double().numpy()
    step = np.zeros(BEND + 4)
    step[parameter] = 2e-3
    ahead, back = (
        draw(known_bend.flexible, WIDTH, state.moved(s), FRAME).projection.double().numpy()
        for s in (step, -step)
    )
    expected = (ahead - back) / (2 * 2e-3)
    # Beads that cross from one pixel to the next on the way leave a few per cent.
    assert np.linalg.norm(slope - expected) < 0.04 * np.linalg.norm(expected)


def test_a_bend_is_that_of_the_structures_and_merged_beads_follow(known_bend: Any) -> None:
    flexible = known_bend.flexible
    units = np.array([0.7, -0.4, 1.1, 0.2])
    expected = bend(flexible.model, flexible.modes, units * flexible.amplitude_angstrom)
    np.testing.assert_allclose(flexible.bent(units), expected.centroid_angstrom, atol=1e-3)
    np.testing.assert_allclose(flexible.bent(np.zeros(4)), flexible.points, atol=1e-9)
    merged = flexible.merged(3.0)
    assert len(merged.model) < len(flexible.model)
    np.testing.assert_allclose(merged.mass @ merged.bent(units), 0, atol=1e-9)
    one, two = (
        draw(f, float(BeadCloud.from_models([f.model]).width_angstrom[0]), state_of(known_bend, units), FRAME)
        for f in (flexible, merged)
    )
    assert np.corrcoef(one.projection.numpy().ravel(), two.projection.numpy().ravel())[0, 1] > 0.999
