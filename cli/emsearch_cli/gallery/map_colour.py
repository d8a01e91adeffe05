"""What the colours of a map may mean."""

from enum import StrEnum

__all__ = ["MapColour"]


class MapColour(StrEnum):
    """What the colours of a map mean."""

    MASS = "mass"
    SIZE_CLASS = "size-class"
