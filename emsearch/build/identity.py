"""Identities: hashes by which a build tells whether a result still belongs to what it was made from."""

import hashlib
import json
from typing import Any

__all__ = ["identity_of"]


def identity_of(*parts: Any) -> str:
    """Return the SHA-256, hexadecimal, of JSON data.

    >>> identity_of("a", [1, 2.5]) == identity_of("a", (1, 2.5)), identity_of("a") == identity_of("b")
    (True, False)
    """
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
