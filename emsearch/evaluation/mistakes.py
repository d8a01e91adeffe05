"""The clearest mistakes of an evaluation, looked at: the image, what it was taken for, and what it shows."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from emsearch.evaluation.figures import level_name
from emsearch.evaluation.protocol import Evaluation, Protocol
from emsearch.evaluation.queries import Query, ask
from emsearch.evaluation.sets import UNKNOWN, DrawnSet, draw_set, image_set
from emsearch.evaluation.subjects import SubjectModels
from emsearch.search.answering import Matched, view_of
from emsearch.search.engine import SearchIndex
from emsearch.search.picture import posed_view

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Mistake", "clearest_mistakes", "draw_mistakes", "mistakes_figure"]

Picture = NDArray[np.float32]

_COUNT = 3


@dataclass(frozen=True, slots=True)
class Mistake:
    """One image (h, w) that was taken for another group, and both groups' posed projections (h, w).

    ``truth`` is None where the right group was not among those matched. ``lead`` is what the wrong one has over it in
    log-probability.
    """

    query: Query
    image: Picture
    first: Picture
    first_name: str
    first_correlation: float
    truth: Picture | None
    truth_correlation: float
    lead: float


def clearest_mistakes(queries: Sequence[Query], count: int = _COUNT) -> list[Query]:
    """Return wrong answers to the least noisy images, the likeliest to be known first, of different groups."""
    wrong = [q for q in queries if q.in_index and q.answers["re-ranked"].rank != 1]
    found: dict[str, Query] = {}
    for q in sorted(wrong, key=lambda q: (-q.snr, -q.in_database_probability)):
        found.setdefault(q.truth.group, q)
    return list(found.values())[:count]


def draw_mistakes(index: SearchIndex, protocol: Protocol, evaluation: Evaluation) -> list[Mistake]:
    """Ask the clearest mistakes again and draw what they rest on."""
    models = SubjectModels(index.library, protocol.seed)
    mistakes = []
    for query in clearest_mistakes(evaluation.queries):
        shown = image_set(index, query.set, protocol.groups)
        if shown is None:
            raise ValueError(f"the index has no set {query.set}, of which a query came")
        drawn = draw_set(index, shown, query.snr, protocol.images, protocol.seed, models)
        mistakes.append(_mistake(index, protocol, query, drawn))
    return mistakes


def _mistake(index: SearchIndex, protocol: Protocol, query: Query, drawn: DrawnSet) -> Mistake:
    k = drawn.images.number.tolist().index(query.image)
    truth = int(drawn.images.group[k])
    struck = truth if query.set == UNKNOWN else None
    among = frozenset(drawn.image_set.among)
    asked = ask(
        index, drawn.images, k, among, rerank=protocol.rerank, settings=protocol.matching, struck=struck
    )
    image: Picture = drawn.images.images[k].numpy()
    pixel = float(drawn.images.pixel_size_angstrom[k])

    def posed(matched: Matched) -> Picture:
        return posed_view(index, view_of(matched), image.shape[0], pixel)

    best = int(np.argmax(asked.score))
    groups = [m.candidate.group for m in asked.matched]
    right = groups.index(truth) if truth in groups else None
    return Mistake(
        query=query,
        image=image,
        first=posed(asked.matched[best]),
        first_name=index.groups[groups[best]].representative,
        first_correlation=asked.matched[best].match.correlation,
        truth=None if right is None else posed(asked.matched[right]),
        truth_correlation=float("nan") if right is None else asked.matched[right].match.correlation,
        lead=float("nan") if right is None else asked.score[best] - asked.score[right],
    )


def mistakes_figure(mistakes: Sequence[Mistake]) -> bytes:
    """Draw a row a mistake: image, what came first, what was right, and where these two differ."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.4, 2.5 * max(1, len(mistakes))), layout="constrained")
    FigureCanvasAgg(figure)
    rows = figure.subplots(max(1, len(mistakes)), 4, squeeze=False)
    for panel in rows.ravel():
        panel.axis("off")
    for row, mistake in zip(rows, mistakes, strict=False):
        _draw_row(row, mistake)
    content = io.BytesIO()
    figure.savefig(content, dpi=110, format="png")
    return content.getvalue()


def _draw_row(row: "Sequence[Axes]", mistake: Mistake) -> None:
    query = mistake.query
    row[0].imshow(mistake.image, cmap="gray")
    row[0].set_title(f"{query.truth.structure}, SNR {level_name(query.snr)}", fontsize="small")
    row[1].imshow(mistake.first, cmap="gray")
    row[1].set_title(f"first: {mistake.first_name}, r = {mistake.first_correlation:.3f}", fontsize="small")
    if mistake.truth is None:
        row[2].set_title("right group not matched", fontsize="small")
        return
    row[2].imshow(mistake.truth, cmap="gray")
    row[2].set_title(f"right: r = {mistake.truth_correlation:.3f}", fontsize="small")
    difference = _of_unit_peak(mistake.first) - _of_unit_peak(mistake.truth)
    row[3].imshow(difference, cmap="RdBu", vmin=-1, vmax=1)
    row[3].set_title(f"first - right (lead {mistake.lead:.1f})", fontsize="small")


def _of_unit_peak(picture: Picture) -> Picture:
    return picture / max(float(picture.max()), 1e-12)
