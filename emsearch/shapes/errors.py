"""Errors of the shapes step.

InputError (emsearch_index.errors)
└── ShapeError    a bead model, a table of pairs or a setting from which no shape can be had
"""

from emsearch_index.errors import InputError


class ShapeError(InputError):
    """A bead model, a table of pairs or a setting that cannot be compared or grouped."""
