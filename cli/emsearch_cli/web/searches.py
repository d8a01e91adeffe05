"""A search: one upload, and what was found."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from emsearch.search.searching import search_stack
from emsearch_cli.web.images import FoundImage, keep_image
from emsearch_cli.web.jobs import Job

if TYPE_CHECKING:
    from emsearch.particles.reading import ImageStack
    from emsearch.search.engine import SearchIndex
    from emsearch.search.hits import Answer
    from emsearch_cli.web.science import Science
    from emsearch_cli.web.settings import WebSettings
    from emsearch_cli.web.uploads import SearchForm

__all__ = ["Search"]


@dataclass(slots=True, eq=False, kw_only=True)
class Search(Job):
    """One upload and what was found; its images are kept, so that hits can be explained."""

    name: str
    form: "SearchForm"
    stack: "ImageStack"
    found: list[FoundImage] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def images(self) -> int:
        """How many are searched."""
        return len(self.stack.images)

    @property
    def held_bytes(self) -> int:
        """The memory that its images and pictures take."""
        return self.stack.images.nbytes + sum(found.image.nbytes for found in self.found)

    async def run(self, science: "Science", settings: "WebSettings") -> None:
        """Search one image after another, so long as there is time."""
        started = time.monotonic()
        answers: Iterator[Answer] | None = None

        def one(index: "SearchIndex") -> FoundImage | None:
            nonlocal answers
            if answers is None:
                answers = search_stack(index, self.stack, **self.form.model_dump())
            answer = next(answers, None)
            return None if answer is None else keep_image(answer, self.stack.images[len(self.found)])

        while (found := await science.do(one)) is not None:
            self.found.append(found)
            late = time.monotonic() - started > settings.search_seconds
            if (late or self.removed) and len(self.found) < self.images:
                self.notes.append(
                    f"stopped after {len(self.found)} of {self.images} images; emsearch batch searches stacks"
                )
                return
