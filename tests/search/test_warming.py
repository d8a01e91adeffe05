"""A search that nobody asked for leaves in place what the next one needs."""

import pytest

from emsearch.search.coarse_views import CoarseViews
from emsearch.search.engine import SearchIndex
from emsearch.search.warming import warm


def test_the_views_are_drawn_before_the_first_image(
    pooling_index: SearchIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    views = CoarseViews(pooling_index.library)
    monkeypatch.setattr(pooling_index, "coarse", views)
    warm(pooling_index)
    assert {name for name, *_ in views._kept} == set(pooling_index.structures)
