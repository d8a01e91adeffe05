from collections.abc import Callable
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from emsearch.evaluation.mistakes import clearest_mistakes, draw_mistakes, mistakes_figure
from emsearch.evaluation.protocol import Protocol, evaluate_index
from emsearch.evaluation.queries import Query

if TYPE_CHECKING:
    from emsearch.search.engine import SearchIndex


def test_the_clearest_mistakes_come_first_and_each_group_once(a_query: Callable[..., Query]) -> None:
    queries = [
        a_query(1, in_database_probability=0.99),
        a_query(2, "G1", in_database_probability=0.7, image=1),
        a_query(3, "G1", in_database_probability=0.9, image=2),
        a_query(None, "G1", group="G2", in_database_probability=0.8, image=3),
        a_query(None, "G1", group="G3", in_database_probability=0.95, in_index=False),
    ]
    assert [q.image for q in clearest_mistakes(queries)] == [2, 3]
    assert [q.image for q in clearest_mistakes(queries, 1)] == [2]
    clean = a_query(2, "G1", group="G4", in_database_probability=0.1, snr=np.inf, image=5)
    assert [q.image for q in clearest_mistakes([*queries, clean])] == [5, 2, 3]


def test_mistakes_are_drawn_from_the_images_they_were_made_on(family_index: "SearchIndex") -> None:
    protocol = Protocol(sets=("trained", "unknown"), snr_levels=(0.02,), groups=4, images=6)
    evaluation = evaluate_index(family_index, protocol)
    chosen = clearest_mistakes(evaluation.queries)
    assert chosen, "noise this strong leads to mistakes"
    mistakes = draw_mistakes(family_index, protocol, evaluation)
    assert [m.query for m in mistakes] == chosen
    for m in mistakes:
        assert m.first_name != m.query.truth.group
        assert m.image.shape == m.first.shape
        assert m.truth is None or (m.lead >= 0 and not np.array_equal(m.truth, m.first))
    picture = Image.open(BytesIO(mistakes_figure(mistakes)))
    assert picture.size[1] >= 250 * len(mistakes)


def test_no_mistakes_make_an_empty_picture() -> None:
    assert Image.open(BytesIO(mistakes_figure([]))).format == "PNG"
