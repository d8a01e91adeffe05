"""Errors of the particles step.

InputError (emsearch_index.errors)
└── ImageError    an image or stack that cannot be searched
"""

from emsearch_index.errors import InputError


class ImageError(InputError):
    """An image or stack that cannot be searched."""
