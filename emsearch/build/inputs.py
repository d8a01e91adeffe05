"""The files that a build is given."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from emsearch_index.errors import InputError
from emsearch_index.manifest import hash_file

__all__ = ["Source", "find_sources", "structure_files"]


@dataclass(frozen=True, slots=True)
class Source:
    """A file to read: the name that the catalogue knows it by, the structure it becomes, and its content.

    ``name`` is the file's; the path as given where two files share a name. ``sha256`` is None where the file cannot
    be read.
    """

    path: Path
    name: str
    structure: str
    sha256: str | None


def structure_files(inputs: Sequence[Path]) -> list[Path]:
    """Return structure and map files, those directly in a folder where one is given, sorted by name.

    Raises
    ------
    InputError
        An input is neither a folder nor a file of a known kind, or a folder holds none.
    """
    from emsearch.structures.read import is_structure_file

    found: set[Path] = set()
    for given in inputs:
        if given.is_dir():
            inside = [path for path in given.iterdir() if is_structure_file(path) and not path.is_dir()]
            if not inside:
                raise InputError(
                    f"{given} holds no structure or map files; give a folder with .cif, .pdb, .ent, .mrc, .map "
                    "or .ccp4 files, or their .gz"
                )
            found.update(inside)
        elif given.exists() and is_structure_file(given):
            found.add(given)
        else:
            what = "is neither a folder nor a structure or map file" if given.exists() else "is not there"
            raise InputError(
                f"{given} {what}; give folders or .cif, .pdb, .ent, .mrc, .map or .ccp4 files, or their .gz"
            )
    return sorted(found, key=lambda path: (path.name, str(path)))


def find_sources(inputs: Sequence[Path]) -> tuple[Source, ...]:
    """Return the files of ``structure_files`` with the hashes of their content."""
    from emsearch.structures.read import structure_id

    files = structure_files(inputs)
    sharing = Counter(path.name for path in files)
    return tuple(
        Source(path, path.name if sharing[path.name] == 1 else str(path), structure_id(path), _sha256(path))
        for path in files
    )


def _sha256(path: Path) -> str | None:
    try:
        return hash_file(path).sha256 if path.is_file() else None  # a FIFO would keep us waiting
    except OSError:
        return None
