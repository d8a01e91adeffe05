"""Which shapes are too small to be told apart at the resolution of negative stain."""

__all__ = ["AMBIGUOUS_RG_ANGSTROM", "is_ambiguous_at_20_angstrom"]

AMBIGUOUS_RG_ANGSTROM = 40.0
"""Below this radius of gyration unlike globules of one size agree at 20 A, for d is more than half of it."""


def is_ambiguous_at_20_angstrom(rg_angstrom: float) -> bool:
    """Tell whether a shape is so small that unlike globules of its size agree at 20 A (d > Rg / 2).

    >>> is_ambiguous_at_20_angstrom(30.0), is_ambiguous_at_20_angstrom(60.0)
    (True, False)
    """
    return rg_angstrom < AMBIGUOUS_RG_ANGSTROM
