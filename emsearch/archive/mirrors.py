"""Where entries lie: sites that hold the archive's directory tree."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from emsearch_index.errors import UsageError

__all__ = ["MIRRORS", "Mirror"]

_TREE = "data/structures/divided/mmCIF"


@dataclass(frozen=True, slots=True)
class Mirror:
    """A copy of the archive; ``root`` is the address of its directory ``pub/pdb``.

    >>> Mirror("https://files.wwpdb.org/pub/pdb/").address("1aon")
    'https://files.wwpdb.org/pub/pdb/data/structures/divided/mmCIF/ao/1aon.cif.gz'

    Raises
    ------
    UsageError
        The root is no http or https address.
    """

    root: str

    def __post_init__(self) -> None:  # noqa: D105
        parts = urlsplit(self.root)
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
            raise UsageError(
                f"{self.root!r} is no mirror; give the address of its pub/pdb, as in {MIRRORS[0]}"
            )

    def address(self, identifier: str) -> str:
        """Return the address of an entry's mmCIF file."""
        return f"{self.root.rstrip('/')}/{_TREE}/{identifier[1:3]}/{identifier}.cif.gz"


MIRRORS = (
    "https://files.wwpdb.org/pub/pdb",
    "https://files.pdbj.org/pub/pdb",
    "https://ftp.ebi.ac.uk/pub/databases/pdb",
)
"""wwPDB's archive, and those of its members PDBj and PDBe, which hold the same tree."""
