"""Explanations: what of an image speaks for a hit, computed like a search and kept beside it."""

from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

import torch

from emsearch.explanation.case import Picture
from emsearch.explanation.explained_images import explain_pictures
from emsearch.explanation.picture import write_explanation
from emsearch.explanation.report import explanation_json
from emsearch_cli.web.jobs import Job

if TYPE_CHECKING:
    from emsearch.explanation.explaining import Explanation as Explained
    from emsearch.search.engine import SearchIndex
    from emsearch.search.hits import Hit
    from emsearch_cli.web.images import FoundImage
    from emsearch_cli.web.science import Science
    from emsearch_cli.web.searches import Search
    from emsearch_cli.web.settings import WebSettings

__all__ = ["Explanation"]

_NARROW = 2  # pictures beside one another on a phone


@dataclass(slots=True, eq=False, kw_only=True)
class Explanation(Job):
    """Why an image of a search matched a hit, rather than another one, or a picture without a particle where there is none.

    ``document`` is what `emsearch explain --format json` prints, ``picture`` a PNG and ``narrow_picture`` the same
    for a phone; they are there when it is done.
    """

    search: "Search"
    found: "FoundImage"
    hit: "Hit"
    rather_than: "Hit | None"
    document: dict[str, Any] | None = None
    picture: bytes | None = None
    narrow_picture: bytes | None = None

    @property
    def held_bytes(self) -> int:
        """The memory that it takes: its pictures, and the images of its search, which it keeps."""
        return len(self.picture or b"") + len(self.narrow_picture or b"") + self.search.held_bytes

    async def run(self, science: "Science", settings: "WebSettings") -> None:
        """Match hit and rival with the whole image, and draw what speaks for which."""
        self.document, self.picture, self.narrow_picture = await science.do(self._explained)

    def _explained(self, index: "SearchIndex") -> tuple[dict[str, Any], bytes, bytes]:
        answer, stack = self.found.answer, self.search.stack
        image = stack.images[stack.numbers.index(answer.image)]
        explained = explain_pictures(
            index,
            {answer.image - 1: Picture(torch.from_numpy(image), answer.pixel_size_angstrom)},
            ("match",),
            hit=self.hit.group,
            rather_than=None if self.rather_than is None else self.rather_than.group,
            contrast=answer.contrast,
        )
        explanation = explained.explanations[0]
        return explanation_json(explained), _drawn(index, explanation), _drawn(index, explanation, _NARROW)


def _drawn(index: "SearchIndex", explanation: "Explained", columns: int | None = None) -> bytes:
    drawn = BytesIO()
    write_explanation(index, explanation, drawn, columns)
    return drawn.getvalue()
