import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from emsearch.imaging.normalise import normalise
from emsearch.imaging.parameters import clean_parameters
from emsearch.imaging.rotations import random_quaternions
from emsearch.search import coarse, coarse_views
from emsearch.search.coarse import CoarseMatch, reduced, search_coarsely, shift_grid
from emsearch.search.coarse_views import CoarseFrame, CoarseSettings, CoarseViews, ViewSet
from emsearch.search.library import StructureLibrary
from emsearch.search.target import Target
from emsearch.shapes.rotations import quaternions_to_matrices
from emsearch.structures.beads import BeadModel

PIXEL, BOX, APERTURE = 4.5, 64, 32.0
ONES = torch.ones(BOX, BOX // 2 + 1)
QUICK = CoarseSettings(nside=2, fills=(1.0,), uptakes=(0.0,))
AXIS = torch.arange(BOX, dtype=torch.float32) - BOX // 2


@pytest.fixture(scope="module")
def views(blobs: dict[str, BeadModel]) -> CoarseViews:
    return CoarseViews(StructureLibrary(blobs))


def particles(views: CoarseViews, names: list[str], seed: int, snr: float = np.inf) -> Tensor:
    """One image of each, anyhow turned, half a pixel off the middle."""
    n = len(names)
    parameters = clean_parameters(random_quaternions(np.random.default_rng(seed), n), fill=0.9)
    parameters = parameters.with_values(shift_angstrom=0.5 * PIXEL, snr=snr)
    simulator = views.library.simulator(names)
    shot = simulator.micrographs(np.arange(n), parameters, np.full(n, PIXEL), BOX, seed)
    return normalise(shot.micrographs, torch.full((n,), APERTURE))


def search(
    image: Tensor,
    names: list[str],
    views: CoarseViews,
    *,
    weight: Tensor = ONES,
    settings: CoarseSettings = QUICK,
) -> list[CoarseMatch]:
    target = Target(image, APERTURE, PIXEL, weight, ONES, torch.zeros(1, 2))
    return search_coarsely(target, names, views, settings)


def gaussian(x: float, y: float, sigma: float = 5.0) -> Tensor:
    return torch.exp(-((AXIS[None, :] - x) ** 2 + (AXIS[:, None] - y) ** 2) / (2 * sigma**2))


def test_reduced_brings_each_shift_to_the_middle() -> None:
    shifts = torch.tensor([[0.0, 0.0], [5.0, -3.0], [-1.5, 2.25]])
    found = reduced(gaussian(5.0, -3.0), shifts, ONES, 2)
    assert found.shape == (3, BOX // 2, BOX // 2)
    torch.testing.assert_close(found[1], gaussian(0.0, 0.0)[::2, ::2], atol=1e-4, rtol=0)
    torch.testing.assert_close(found[2], gaussian(6.5, -5.25)[::2, ::2], atol=1e-4, rtol=0)


def test_reduced_keeps_what_the_smaller_box_carries_and_nothing_else() -> None:
    def wave(cycles: int) -> Tensor:
        return torch.cos(2 * math.pi * cycles * AXIS / BOX).expand(BOX, BOX)

    middle = torch.zeros(1, 2)
    torch.testing.assert_close(
        reduced(wave(9) + wave(21), middle, ONES, 2)[0], wave(9)[::2, ::2], atol=1e-5, rtol=0
    )
    assert float(reduced(wave(21).T + wave(16), middle, ONES, 2).abs().max()) < 1e-5


def test_reduced_weighs_each_frequency() -> None:
    weight = ONES.clone()
    weight[:, 4:] = 0.25
    low, high = (torch.cos(2 * math.pi * k * AXIS / BOX).expand(BOX, BOX) for k in (3, 7))
    found = reduced(low + high, torch.zeros(1, 2), weight, 2)[0]
    torch.testing.assert_close(found, (low + 0.25 * high)[::2, ::2], atol=1e-5, rtol=0)


def test_shifts_lie_on_a_grid_within_reach() -> None:
    grid = shift_grid(4.5, 2.25).tolist()
    assert len(grid) == 13
    assert [0.0, 0.0] in grid and [4.5, 0.0] in grid and [-2.25, 2.25] in grid and [4.5, 2.25] not in grid
    assert shift_grid(0.0, 1.0).tolist() == [[0.0, 0.0]]


def test_evidence_is_highest_for_the_right_structure(views: CoarseViews, blobs: dict[str, BeadModel]) -> None:
    names = list(blobs)
    right = 0
    for seed in range(2):
        for k, image in enumerate(particles(views, names, seed, snr=2)):
            found = search(image, names, views, settings=replace(QUICK, nside=4, fills=(1.0, 0.7)))
            right += int(np.argmax([f.evidence for f in found])) == k
    assert right >= 8


def test_a_dark_particle_and_noise_alone_give_less_evidence(views: CoarseViews) -> None:
    image = particles(views, ["blob2"], seed=4, snr=2)[0]
    noise = torch.randn(1, BOX, BOX, generator=torch.Generator().manual_seed(0))
    bright, dark, nothing = (
        search(i, ["blob2"], views)[0].evidence
        for i in (image, -image, normalise(noise, torch.tensor([APERTURE]))[0])
    )
    assert bright > dark + 10 and bright > nothing + 10


def test_starts_are_apart_in_angle_and_fall_in_correlation(views: CoarseViews) -> None:
    for image in particles(views, ["blob0", "blob3"], seed=6):
        starts = search(image, ["blob3"], views)[0].starts(5)
        assert len(starts) == 5
        correlations = [s.correlation for s in starts]
        assert correlations == sorted(correlations, reverse=True)
        for a, b in itertools.combinations(starts, 2):
            first, second = quaternions_to_matrices(np.stack([a.quaternion, b.quaternion]))
            angle = np.degrees(np.arccos(np.clip((np.trace(first @ second.T) - 1) / 2, -1, 1)))
            assert angle >= coarse._APART_DEGREES - 1e-6


def test_a_start_redraws_the_reduced_image_and_says_how_well(views: CoarseViews) -> None:
    image = particles(views, ["blob3"], seed=8)[0]
    start = search(image, ["blob3"], views)[0].starts(1)[0]
    parameters = clean_parameters(start.quaternion[None], resolution_angstrom=3.2 * PIXEL)
    parameters = parameters.with_values(top_signal=QUICK.top_signal)
    drawn = views.library.coarse_simulator("blob3", 2 * PIXEL).projections(
        np.zeros(1, np.int64), parameters, np.array([2 * PIXEL]), BOX // 2
    )[0]
    seen = reduced(image, torch.tensor([start.shift_px]), ONES, 2)[0]
    inside = torch.hypot(AXIS[::2, None], AXIS[None, ::2]) / 2 <= BOX // 4 - 1
    expected = float(torch.corrcoef(torch.stack([drawn[inside], seen[inside]]))[0, 1])
    assert expected > 0.85
    assert start.correlation == pytest.approx(expected, abs=0.03)


@pytest.mark.parametrize("level", [0.2, 5.0])
def test_a_white_weight_is_no_weight(views: CoarseViews, level: float) -> None:
    image = particles(views, ["blob1"], seed=9, snr=3)[0]
    plain = search(image, ["blob1", "blob4"], views)
    weighed = search(image, ["blob1", "blob4"], views, weight=level * ONES)
    for a, b in zip(plain, weighed, strict=True):
        assert b.evidence == pytest.approx(a.evidence, rel=1e-3)
        assert b.correlation == pytest.approx(a.correlation, abs=1e-4)


def test_a_weight_that_knows_the_noise_tells_more(views: CoarseViews, blobs: dict[str, BeadModel]) -> None:
    """Noise of high frequencies alone: what is told apart by low ones should not suffer from it."""
    k = torch.hypot(torch.fft.fftfreq(BOX)[:, None], torch.fft.rfftfreq(BOX)[None, :])
    power = 0.05 + (k > 0.12).float()
    white = torch.randn(20, BOX, BOX, generator=torch.Generator().manual_seed(1))
    noise = torch.fft.irfft2(torch.fft.rfft2(white) * power.sqrt(), s=(BOX, BOX))
    names = list(blobs)
    clear = torch.cat([particles(views, names, seed) for seed in range(4)])
    images = clear + 3 * noise / noise.std()
    margin: list[list[float]] = []
    for weight in (ONES, 1 / power):
        found = [[m.evidence for m in search(i, names, views, weight=weight)] for i in images]
        margin.append([f[k % 5] - max(np.delete(f, k % 5)) for k, f in enumerate(found)])
    assert np.median(margin[1]) > np.median(margin[0])


def test_centres_apart_are_all_searched_about(views: CoarseViews) -> None:
    image = torch.roll(particles(views, ["blob2"], seed=13)[0], (-5, 11), (0, 1))

    def first_shift(centres: list[list[float]]) -> tuple[float, float]:
        target = Target(image, APERTURE, PIXEL, ONES, ONES, torch.tensor(centres))
        return search_coarsely(target, ["blob2"], views, QUICK)[0].starts(1)[0].shift_px

    assert first_shift([[0.0, 0.0], [10.0, -6.0]]) == pytest.approx((11.5, -4.5), abs=1.6)
    assert np.hypot(*first_shift([[0.0, 0.0]])) <= QUICK.shift_px + 1e-5


def test_views_are_drawn_once_and_the_oldest_make_room(
    blobs: dict[str, BeadModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    views = CoarseViews(StructureLibrary(blobs))

    def of(name: str, pixel: float = 9.0, settings: CoarseSettings = QUICK) -> ViewSet:
        return views.of(name, CoarseFrame(BOX // 2, APERTURE / 2, pixel), settings)

    first = of("blob0")
    assert of("blob0") is first
    assert of("blob0", pixel=8.0) is not first
    assert of("blob0", settings=replace(QUICK, fills=(0.5,))) is not first
    each = first.stored.nbytes
    views = CoarseViews(StructureLibrary(blobs))
    monkeypatch.setattr(coarse_views, "_KEPT_BYTES", int(2.5 * each))
    kept, dropped = of("blob0"), of("blob1")
    assert of("blob0") is kept  # asked for again, so blob1 is now the oldest
    of("blob2")
    assert of("blob0") is kept and of("blob1") is not dropped


def test_views_too_large_to_keep_are_drawn_all_the_same(
    blobs: dict[str, BeadModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coarse_views, "_KEPT_BYTES", 10)
    views = CoarseViews(StructureLibrary(blobs))
    assert len(views.of("blob0", CoarseFrame(BOX // 2, 16.0, 9.0), QUICK).fill) == 48


def test_uptake_is_searched_where_there_is_nucleic_acid(blobs: dict[str, BeadModel]) -> None:
    protein = blobs["blob0"]
    half = np.arange(len(protein)) < len(protein) // 2
    models = {"protein": protein, "both": replace(protein, nucleic=half)}
    views, settings = CoarseViews(StructureLibrary(models)), replace(QUICK, uptakes=(0.0, 0.8))
    found = {name: views.of(name, CoarseFrame(32, 16.0, 9.0), settings).uptake for name in models}
    assert set(found["protein"].tolist()) == {0.0} and set(found["both"].tolist()) == {0.0, 0.8}
    assert len(found["both"]) == 2 * len(found["protein"]) == 96
