"""Particles of any file that holds some: what is known of each at once, their pixels when they are asked for."""

import re
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from emsearch.particles.cryosparc import cryosparc_particles, passthrough_of, with_passthrough
from emsearch.particles.decoder import Decoded, decode
from emsearch.particles.errors import ImageError
from emsearch.particles.limits import ReadingLimits
from emsearch.particles.opened_file import UnusableFileError
from emsearch.particles.optics import Optics
from emsearch.particles.particle_table import ParticleTable
from emsearch.particles.reading import check_image, source_of_pixel_size
from emsearch.particles.regular_files import opened_job
from emsearch.particles.stack_paths import StackFinder
from emsearch.particles.star import star_particles
from emsearch.particles.tables import read_tables

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ParticleSource", "open_particles"]

Image = NDArray[np.float32]

_TABLES = (".star", ".cs")
_PICTURES = (".png", ".tif", ".tiff", ".jpg", ".jpeg", ".mrc")
_FILES_AT_ONCE = 64
_LIMITS = ReadingLimits()


@dataclass(frozen=True, slots=True, eq=False)
class ParticleSource:
    """n particles.

    Attributes
    ----------
    path, format : str
        The file as given, and what it is.
    pixel_size_angstrom : float64 (n,)
        NaN where unknown.
    pixel_size_source : str
        Where the pixel sizes come from, "none" where nowhere.
    optics : Optics
        Of the n particles.
    columns : pyarrow.Table or None
        Every column of a table of particles as it stands.
    notes : tuple of str
        What the user should know.
    stacks : tuple of str
        The files that hold the pixels.
    stack, number : int64 (n,)
        Which of them holds each particle, and as which image, counted from 1.

    Rows of TIFF stacks that a STAR file names count from the bottom, as RELION reads them.
    """

    path: str
    format: str
    pixel_size_angstrom: NDArray[np.float64]
    pixel_size_source: str
    optics: Optics
    columns: "pa.Table | None"
    notes: tuple[str, ...]
    stacks: tuple[str, ...]
    stack: NDArray[np.int64]
    number: NDArray[np.int64]

    @property
    def count(self) -> int:
        """How many particles there are."""
        return len(self.stack)

    def name(self, row: int) -> str:
        """Return the name of a particle, as ``12@stack.mrcs``."""
        return f"{self.number[row]}@{Path(self.stacks[self.stack[row]]).name}"

    def read(self, rows: Sequence[int]) -> list[Image | ImageError]:
        """Return the pixels (h, w) of some particles, or why one cannot be used; one bad particle fails no other."""
        found: dict[int, Image | ImageError] = {}
        wanted: dict[int, list[int]] = {}
        for row in rows:
            wanted.setdefault(int(self.stack[row]), []).append(row)
        files = list(wanted.items())
        for first in range(0, len(files), _FILES_AT_ONCE):
            found |= self._read_files(files[first : first + _FILES_AT_ONCE])
        return [found[row] for row in rows]

    def _read_files(self, files: Sequence[tuple[int, list[int]]]) -> dict[int, Image | ImageError]:
        """Return the particles of some stacks by row; where a stack fails as a whole, its images one by one."""
        found: dict[int, Image | ImageError] = {}
        opened: list[list[int]] = []
        with ExitStack() as stack:
            jobs = []
            for file, rows in files:
                path = self.stacks[file]
                try:
                    job = stack.enter_context(opened_job(path, _LIMITS, numbers=self._numbers(path, rows)))
                except UnusableFileError as problem:
                    found |= {row: ImageError(f"{path} {problem}") for row in rows}
                    continue
                jobs.append(job)
                opened.append(rows)
            decoded = decode(jobs)
        for rows, result in zip(opened, decoded, strict=True):
            if isinstance(result, Decoded):
                found |= {
                    row: self._checked(row, image) for row, image in zip(rows, result.images, strict=True)
                }
            elif len(rows) > 1:
                for first in range(0, len(rows), _FILES_AT_ONCE):
                    alone = rows[first : first + _FILES_AT_ONCE]
                    found |= self._read_files([(int(self.stack[row]), [row]) for row in alone])
            else:
                found[rows[0]] = ImageError(f"{self.stacks[self.stack[rows[0]]]} {result}")
        return found

    def _numbers(self, path: str, rows: Sequence[int]) -> tuple[int, ...] | None:
        single = Path(path).suffix.lower() in (
            ".png",
            ".jpg",
            ".jpeg",
        )  # no stacks: a number would be refused
        return None if single else tuple(self.number[list(rows)].tolist())

    def _checked(self, row: int, image: Image) -> Image | ImageError:
        try:
            check_image(image, self.name(row))
        except ImageError as problem:
            return problem
        tiff = Path(self.stacks[self.stack[row]]).suffix.lower() in (".tif", ".tiff")
        return image[::-1].copy() if tiff and self.format == "STAR" else image


def open_particles(spec: str | Path, *, root: Path | None = None) -> ParticleSource:
    """Open a stack, a STAR or cryoSPARC table, a folder of pictures, or one image of a stack as ``N@stack``.

    Parameters
    ----------
    spec : str or Path
    root : Path, optional
        The folder that a table counts its paths from; without it the nearest one above the table under which its first
        stack lies. Stacks outside it are refused.

    Raises
    ------
    ImageError
        There is no such file, it cannot be used, or it holds no particle.
    """
    text = str(spec)
    path = Path(text)
    if path.is_dir():
        return _folder(path)
    if path.suffix.lower() in _TABLES:
        return _of_table(path, root)
    one = re.fullmatch(r"([0-9]{1,9})@(.+)", text, re.DOTALL)
    return _of_stack(text, one[2], int(one[1])) if one else _of_stack(text, text, None)


def _of_stack(spec: str, path: str, number: int | None) -> ParticleSource:
    header = _header(path, None if number is None else (number,))
    chosen = np.arange(1, header["count"] + 1) if number is None else np.array([number])
    pixel = header["pixel_size_angstrom"]
    return ParticleSource(
        path=spec,
        format=header["format"],
        pixel_size_angstrom=np.full(len(chosen), np.nan if pixel is None else pixel),
        pixel_size_source=source_of_pixel_size(header),
        optics=Optics.unknown(len(chosen)),
        columns=None,
        notes=tuple(header["notes"]),
        stacks=(path,),
        stack=np.zeros(len(chosen), np.int64),
        number=chosen.astype(np.int64),
    )


def _header(path: str, numbers: tuple[int, ...] | None) -> dict[str, Any]:
    """Return what the decoder says of a file without reading more than one image."""
    try:
        with opened_job(path, _LIMITS, numbers=numbers, max_images=1) as job:
            (found,) = decode([job])
    except UnusableFileError as problem:
        raise ImageError(f"{path} {problem}") from None
    if isinstance(found, UnusableFileError):
        raise ImageError(f"{path} {found}")
    return found.header


def _folder(path: Path) -> ParticleSource:
    pictures = sorted((p for p in path.iterdir() if p.suffix.lower() in _PICTURES), key=_natural)
    if not pictures:
        raise ImageError(
            f"{path} holds no picture ({', '.join(_PICTURES)}); give a folder of particles or a stack"
        )
    n = len(pictures)
    return ParticleSource(
        path=str(path),
        format="folder",
        pixel_size_angstrom=np.full(n, np.nan),
        pixel_size_source="none",
        optics=Optics.unknown(n),
        columns=None,
        notes=(),
        stacks=tuple(str(p) for p in pictures),
        stack=np.arange(n),
        number=np.ones(n, np.int64),
    )


def _natural(path: Path) -> list[tuple[int, str]]:
    """Order names as people count: image 2 before image 10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"([0-9]+)", path.name)]


def _of_table(path: Path, root: Path | None) -> ParticleSource:
    kind, tables = read_tables(path, _LIMITS)
    table = star_particles(tables, path) if kind == "STAR" else _cryosparc(tables, path)
    if not len(table.number):
        raise ImageError(f"{path} holds no particle; give a table with some")
    find = StackFinder(path, root)
    files = {name: str(find(name, row)) for row, name in _first_rows(table.stack)}
    place = {name: k for k, name in enumerate(files)}
    names = tuple(files.values())
    sizes, source = table.pixel_size_angstrom, table.pixel_size_source
    if source == "none":
        header = _header(names[0], (int(table.number[0]),))
        pixel = header["pixel_size_angstrom"]
        sizes, source = np.full(len(sizes), np.nan if pixel is None else pixel), source_of_pixel_size(header)
    return ParticleSource(
        path=str(path),
        format=table.format,
        pixel_size_angstrom=sizes,
        pixel_size_source=source,
        optics=table.optics,
        columns=table.columns,
        notes=table.notes,
        stacks=names,
        stack=np.array([place[name] for name in table.stack], np.int64),
        number=table.number,
    )


def _first_rows(stacks: Sequence[str]) -> list[tuple[int, str]]:
    """Return each stack once, with the number of the row, from 1, that names it first."""
    first: dict[str, int] = {}
    for row, name in enumerate(stacks, start=1):
        first.setdefault(name, row)
    return [(row, name) for name, row in first.items()]


def _cryosparc(tables: "dict[str, pa.Table]", path: Path) -> ParticleTable:
    particles = tables["particles"]
    beside = passthrough_of(path)
    if beside is not None:
        _, more = read_tables(beside, _LIMITS)
        particles = with_passthrough(particles, more["particles"], path)
    return cryosparc_particles(particles, path)
