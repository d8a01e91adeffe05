"""emsearch: name the PDB structures that a particle in the electron microscope looks like.

import emsearch

index = emsearch.open_index()
answers = index.search(images, pixel_size_angstrom=4.2)
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emsearch.batch.library import Index, open_index
    from emsearch.search.hits import Answer, Hit, Quantities, Quantity, View

__all__ = ["Answer", "Hit", "Index", "Quantities", "Quantity", "View", "open_index"]

__version__ = "0.1.0"

_HOMES = {
    "Answer": "emsearch.search.hits",
    "Hit": "emsearch.search.hits",
    "Index": "emsearch.batch.library",
    "Quantities": "emsearch.search.hits",
    "Quantity": "emsearch.search.hits",
    "View": "emsearch.search.hits",
    "open_index": "emsearch.batch.library",
}


def __getattr__(name: str) -> Any:
    """Import what the library offers when it is first used: torch alone takes a second."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)
