"""Where the stacks lie that a table of particles names: under one root, and nowhere else."""

from pathlib import Path

from emsearch.particles.errors import ImageError

__all__ = ["StackFinder"]


class StackFinder:
    """Finds the stacks that ``table`` names.

    Without a root given, it is the nearest folder above the table under which the first stack lies: the table's own, or
    that of the project, which RELION and cryoSPARC count paths from.
    """

    def __init__(self, table: Path, root: Path | None) -> None:
        self._table = table
        self._root = None if root is None else root.resolve()
        self._found: dict[str, Path] = {}

    def __call__(self, name: str, row: int) -> Path:
        """Return the file that ``name`` means, in row number ``row`` counted from 1.

        Raises
        ------
        ImageError
            There is no such file, or it lies outside the root.
        """
        if name not in self._found:
            self._found[name] = self._find(name, row)
        return self._found[name]

    def _find(self, name: str, row: int) -> Path:
        where = f"{self._table}, particle {row}, names the stack {name!r}"
        if not name or "\0" in name:
            raise ImageError(f"{where}, which is no path; write the table anew")
        if self._root is None:
            above = self._table.resolve().parents
            self._root = next((folder for folder in above if (folder / name).is_file()), above[0])
        path = (self._root / name).resolve()
        if not path.is_relative_to(self._root):
            raise ImageError(
                f"{where}, which lies outside {self._root}; give the folder it lies in as --root"
            )
        if not path.exists():
            raise ImageError(f"{where}, and there is none under {self._root}; give its folder as --root")
        return path
