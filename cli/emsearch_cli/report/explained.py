"""Why an image matched, as a picture for the report."""

import io
from typing import TYPE_CHECKING

from emsearch_cli.report.contents import Explained

if TYPE_CHECKING:
    from emsearch.particles.source import ParticleSource
    from emsearch.search.engine import SearchIndex

__all__ = ["explained_image"]


def explained_image(
    index: "SearchIndex",
    source: "ParticleSource",
    row: int,
    hit: str,
    rival: str | None,
    *,
    pixel_size_angstrom: float | None,
    contrast: str,
) -> Explained:
    """Explain one image of a source: what speaks for a group, rather than a rival where there is one.

    ``contrast`` is the sign that the search took or decided on.
    """
    from emsearch.explanation.explained_images import explain_images
    from emsearch.explanation.picture import write_overlay

    explained = explain_images(
        index,
        source,
        [row],
        ("match",),
        hit=hit,
        rather_than=rival,
        pixel_size_angstrom=pixel_size_angstrom,
        contrast=contrast,
    )
    (explanation,) = explained.explanations
    stream = io.BytesIO()
    write_overlay(explanation, "match", stream)
    return Explained(
        hit=explained.structure,
        rival=None if explained.rival is None else explained.rival.representative,
        log_likelihood=explanation.match.log_likelihood,
        picture=stream.getvalue(),
    )
