import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emsearch.particles.errors import ImageError
from emsearch.search.framing import ClassRange, samplings

CLASSES = [
    ClassRange(0, 0.0, 130.0, 3.05),
    ClassRange(1, 130.0, 320.0, 7.5),
    ClassRange(2, 320.0, 800.0, 18.75),
]
some_classes = st.lists(st.sampled_from(CLASSES), min_size=1, max_size=3, unique=True)


@given(some_classes, st.integers(16, 8192), st.floats(1e-3, 100.0))
def test_known_pixel_size_gives_one_sampling_a_class_or_says_why_not(
    classes: list[ClassRange], side_px: int, pixel: float
) -> None:
    finest = min(c.pixel_size_angstrom for c in classes)
    try:
        found = samplings(classes, side_px, pixel)
    except ImageError:
        assert side_px * pixel < 8 * max(c.pixel_size_angstrom for c in classes)
        return
    assert found and len({s.size_class for s in found}) == len(found)
    for s in found:
        pixel_of_class = next(c.pixel_size_angstrom for c in classes if c.number == s.size_class)
        assert s.image_pixel_size_angstrom == pixel
        assert s.scale == pytest.approx(pixel / pixel_of_class)
        assert 0 < s.scale <= 100 / finest
        assert s.scale * side_px / 2 >= 4


@given(some_classes, st.integers(16, 8192))
def test_unknown_pixel_size_looks_at_every_class_at_usual_sizes(
    classes: list[ClassRange], side_px: int
) -> None:
    found = samplings(classes, side_px, None)
    assert {s.size_class for s in found} == {c.number for c in classes}
    for c in classes:
        own = [s for s in found if s.size_class == c.number]
        assert len(own) > 1 and all(s.scale > 0 and math.isfinite(s.scale) for s in own)
        # a particle as long as the class's longest, filling 45 % of the picture, is among them
        assert max(s.image_pixel_size_angstrom for s in own) * side_px * 0.45 == pytest.approx(
            c.dmax_max_angstrom
        )
        ratio = [b.scale / a.scale for a, b in pairwise(own)]
        assert all(1 < r <= 1.12 + 1e-9 for r in ratio)
        for s in own:
            assert s.scale == pytest.approx(s.image_pixel_size_angstrom / c.pixel_size_angstrom)


def test_only_classes_whose_particles_would_fit_the_picture() -> None:
    assert [s.size_class for s in samplings(CLASSES, 100, 1.0)] == [0]
    assert [s.size_class for s in samplings(CLASSES, 64, 18.75)] == [1, 2]


def test_the_nearest_class_where_none_fits() -> None:
    assert [s.size_class for s in samplings(CLASSES, 8192, 100.0)] == [2]
    assert [s.size_class for s in samplings(CLASSES[1:], 100, 1.2)] == [1]


def test_a_picture_of_a_few_angstrom_is_refused_with_its_size() -> None:
    with pytest.raises(ImageError, match=r"shows 6\.4 A \(64 px of 0\.1 A\).*--pixel-size"):
        samplings(CLASSES, 64, 0.1)
