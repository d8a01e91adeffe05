"""Errors of the structures step.

InputError (emsearch_index.errors)
└── StructureError    a structure or map file that cannot be turned into beads
"""

from emsearch_index.errors import InputError


class StructureError(InputError):
    """A structure or map file that cannot be turned into a bead model."""
