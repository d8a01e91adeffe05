"""A word for the shape of a view: ring-like, elongated or round."""

__all__ = ["SHAPE_WORDS", "shape_word"]

SHAPE_WORDS = ("ring-like", "elongated", "round")

_HOLLOW = 0.3
_LONG, _ROUND = 1.6, 1.25


def shape_word(elongation: float, hollow: float) -> str | None:
    """Return a word, or None for what is neither.

    ``elongation`` is the long over the short root mean square extent of a view, ``hollow`` how much less mass its middle has
    than its rim (`emsearch.evaluation.hollow`).

    >>> [shape_word(1.1, 0.6), shape_word(2.5, -0.1), shape_word(1.1, -0.1), shape_word(1.4, 0.0)]
    ['ring-like', 'elongated', 'round', None]
    """
    if hollow >= _HOLLOW:
        return "ring-like"
    if elongation >= _LONG:
        return "elongated"
    return "round" if elongation <= _ROUND else None
