from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emsearch.imaging.parameters import ImageParameters, ParameterRanges, clean_parameters

PER_RANGE = {
    "softness_angstrom": "softness_angstrom",
    "magnification": "magnification",
    "rim_width_angstrom": "rim_width_angstrom",
    "grain_angstrom": "grain_angstrom",
    "b_factor_angstrom2": "b_factor_angstrom2",
}


def within(values: np.ndarray[tuple[int, ...], np.dtype[np.float32]], limits: tuple[float, float]) -> bool:
    low, high = np.float32(limits[0]), np.float32(limits[1])
    return bool(((values >= low * (1 - 1e-6)) & (values <= high * (1 + 1e-6))).all())


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    n=st.integers(1, 40),
    snr=st.tuples(st.floats(0.01, 0.5), st.floats(0.5, 20)),
    stained_share=st.sampled_from([0.0, 0.5, 1.0]),
)
def test_sampled_parameters_lie_in_their_ranges(
    seed: int, n: int, snr: tuple[float, float], stained_share: float
) -> None:
    ranges = ParameterRanges(log_snr=snr, stained_share=stained_share)
    p = ranges.sample(np.random.default_rng(seed), n, np.full(n, 250.0))
    assert len(p) == n
    for name, limits in PER_RANGE.items():
        assert within(getattr(p, name), getattr(ranges, limits)), name
    np.testing.assert_allclose(np.linalg.norm(p.quaternion, axis=1), 1, atol=1e-5)
    assert (np.abs(p.shift_angstrom) <= 250 * ranges.shift_max_box * (1 + 1e-6)).all()
    assert within(p.snr, ranges.log_snr)
    assert within(p.fill, (ranges.fill[0], 1.0))
    assert within(p.flattening, (ranges.flattening[0], 1.0))
    assert within(p.widening, (1.0, ranges.widening[1]))
    assert within(p.aperture, ranges.aperture)
    crowded = p.neighbour_distance > 0
    assert within(p.neighbour_distance[crowded], ranges.neighbour_distance)
    np.testing.assert_allclose(np.linalg.norm(p.neighbour_quaternion, axis=1), 1, atol=1e-5)
    assert within(np.linalg.norm(p.gradient, axis=1), (0.0, ranges.gradient[1]))
    assert ((p.grain >= 0) & (p.carbon >= 0) & (p.grain + p.carbon <= 1 + 1e-6)).all()
    assert set(p.voltage_kv.tolist()) <= {0.0, *ranges.voltages_kv}
    stained, ice = p[p.stained], p[~p.stained]
    assert within(stained.resolution_angstrom, ranges.resolution_angstrom)
    assert within(stained.defocus_um, ranges.stain_defocus_um)
    assert within(stained.amplitude_contrast, ranges.stain_amplitude_contrast)
    assert within(ice.resolution_angstrom, ranges.cryo_resolution_angstrom)
    assert within(ice.defocus_um, ranges.cryo_defocus_um)
    assert within(ice.amplitude_contrast, ranges.cryo_amplitude_contrast)
    for name in ("rim", "grain", "top_signal", "uptake"):
        assert not getattr(ice, name).any(), f"{name} is a matter of stain"
    assert (ice.fill == 1).all()
    assert len(stained) == n if stained_share == 1 else len(ice) == n if stained_share == 0 else True


def test_shares_are_those_asked_for() -> None:
    n = 20_000
    p = ParameterRanges().sample(np.random.default_rng(1), n, np.full(n, 250.0))
    assert p.stained.mean() == pytest.approx(0.75, abs=0.02)
    assert (p.fill[p.stained] == 1).mean() == pytest.approx(0.4, abs=0.02)
    assert np.log(p.snr).mean() == pytest.approx(np.log(0.1 * 20) / 2, abs=0.05)
    assert p.phase_flipped.mean() == pytest.approx(0.5, abs=0.02)
    assert p.shift_angstrom.std() / 250 == pytest.approx(0.02, abs=0.001)
    assert (p.neighbour_distance > 0).mean() == pytest.approx(0.3, abs=0.02)


def test_neighbours_change_nothing_else_of_an_image() -> None:
    def draw(share: float) -> ImageParameters:
        rng = np.random.default_rng(1)
        return ParameterRanges(neighbour_share=share).sample(rng, 10, np.full(10, 250.0))

    for field in fields(ImageParameters):
        if not field.name.startswith("neighbour"):
            np.testing.assert_array_equal(getattr(draw(0.0), field.name), getattr(draw(1.0), field.name))


def test_the_seed_decides_everything() -> None:
    def draw(seed: int) -> ImageParameters:
        return ParameterRanges().sample(np.random.default_rng(seed), 10, np.full(10, 250.0))

    for field in fields(ImageParameters):
        np.testing.assert_array_equal(getattr(draw(1), field.name), getattr(draw(1), field.name))
    assert not np.array_equal(draw(1).quaternion, draw(2).quaternion)


def test_selecting_and_replacing_leave_the_rest() -> None:
    p = ParameterRanges().sample(np.random.default_rng(1), 10, np.full(10, 250.0))
    some = p[np.array([3, 7])]
    np.testing.assert_array_equal(some.quaternion, p.quaternion[[3, 7]])
    changed = p.with_values(snr=2.0, gradient=(0.5, -1.0), stained=False)
    assert (changed.snr == 2).all()
    assert changed.snr.dtype == np.float32
    assert not changed.stained.any()
    assert changed.stained.dtype == np.bool_
    assert (changed.gradient == [0.5, -1.0]).all()
    np.testing.assert_array_equal(changed.fill, p.fill)
    with pytest.raises(AttributeError):
        p.with_values(nothing=1)


def test_clean_parameters_have_no_noise_and_no_optics() -> None:
    p = clean_parameters(np.array([[1.0, 0, 0, 0], [0, 1.0, 0, 0]]), fill=0.5, resolution_angstrom=22.0)
    assert np.isinf(p.snr).all()
    assert not p.voltage_kv.any()
    assert not p.rim.any()
    assert p.fill.tolist() == [0.5, 0.5]
    assert p.resolution_angstrom.tolist() == [22.0, 22.0]
    assert p.quaternion.dtype == np.float32
