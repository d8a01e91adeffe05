"""The folder in which a build works, and how files come into it whole."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from emsearch_index.errors import UsageError

__all__ = ["Workspace", "locked", "written_whole"]


@dataclass(frozen=True, slots=True)
class Workspace:
    """The names of the files in the work folder of a build."""

    root: Path

    @property
    def catalogue(self) -> Path:
        """The working catalogue."""
        return self.root / "catalogue.duckdb"

    @property
    def bead_folder(self) -> Path:
        """One bead archive a structure."""
        return self.root / "beads"

    def bead_file(self, structure: str) -> Path:
        """Return the bead archive of one structure."""
        return self.bead_folder / f"{structure}.npz"

    @property
    def beads(self) -> Path:
        """The bead models of all structures."""
        return self.root / "beads.npz"

    @property
    def training_set(self) -> Path:
        """All that training needs."""
        return self.root / "training_set.npz"

    @property
    def training(self) -> Path:
        """The folder of the training run."""
        return self.root / "training"

    @property
    def weights(self) -> Path:
        """The trained network."""
        return self.root / "weights.safetensors"

    @property
    def curves(self) -> tuple[Path, Path]:
        """The curves of training, as a picture and as a table."""
        return self.root / "training.png", self.root / "training.parquet"

    @property
    def view_folder(self) -> Path:
        """The embedded views, one file a structure."""
        return self.root / "views"

    def view_file(self, structure: str) -> Path:
        """Return the embedded views of one structure."""
        return self.view_folder / f"{structure}.npz"

    @property
    def calibration(self) -> Path:
        """The fitted probabilities."""
        return self.root / "calibration.json"

    @property
    def size_class_model(self) -> Path:
        """Which size class a picture shows, fitted with the calibration."""
        return self.root / "size_class_model.json"

    @property
    def evaluation(self) -> Path:
        """What was measured of the index, where it was."""
        return self.root / "evaluation.json"

    @property
    def quantity_head(self) -> Path:
        """The head that reads mass, size, shape and stain off an image, where one was fitted."""
        return self.root / "quantities.safetensors"

    def vectors(self, size_class: str) -> Path:
        """Return the FAISS file of one size class."""
        return self.root / f"views-{size_class}.faiss"

    def stamp(self, stage: str) -> Path:
        """Return the record of a finished stage."""
        return self.root / f"{stage}.json"


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Give a name beside ``path``, of the same suffix, and put the file in its place when it is on the disk.

    What a killed process left under that name is written over by the next one.
    """
    part = path.with_name(f".{path.stem}.part{path.suffix}")
    yield part
    with part.open("rb") as stream:
        os.fsync(stream.fileno())
    part.replace(path)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder against other builds; UsageError where one runs there. The lock ends with the process."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UsageError(
                f"another build works in {folder}; wait until it has ended, stop it, or name another folder"
            ) from error
        yield
    finally:
        os.close(descriptor)
