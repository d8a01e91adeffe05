"""Catalogue and bead models of the index that ``--index`` names, for the verbs that read them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emsearch.structures.beads import BeadArchive
    from emsearch_index.catalogue import Catalogue
    from emsearch_index.generation import Generation

__all__ = ["BEADS_NAME", "CATALOGUE_NAME", "opened_beads", "opened_catalogue", "opened_generation"]

BEADS_NAME = "beads.npz"
CATALOGUE_NAME = "catalogue.duckdb"


def opened_generation(index: Path | None) -> "Generation":
    """Return the current generation of an index, of the default one where none is named."""
    from emsearch_index.generation import default_index_dir, open_generation

    return open_generation(index if index is not None else default_index_dir())


@contextmanager
def opened_catalogue(index: Path | None) -> "Iterator[Catalogue]":
    """Open the catalogue of an index for reading, after its file was hashed against the manifest."""
    generation = opened_generation(index)
    from emsearch_index.catalogue import Catalogue

    with Catalogue(generation.file(CATALOGUE_NAME)) as catalogue:
        yield catalogue


def opened_beads(index: Path | None) -> "BeadArchive":
    """Open the bead models of an index, after their file was hashed against the manifest."""
    generation = opened_generation(index)
    from emsearch.structures.beads import BeadArchive

    return BeadArchive(generation.file(BEADS_NAME))
