"""How far a pose that was found is from the true one, modulo the symmetry of the molecule."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emsearch.evaluation.subjects import Subject
from emsearch.search.answering import Matched
from emsearch.search.engine import SearchIndex
from emsearch.shapes.rotations import quaternions_to_matrices
from emsearch.shapes.self_superposition import self_rotations
from emsearch_index.catalogue import Catalogue

__all__ = ["Frame", "PoseError", "PoseErrors", "rotation_error_degrees"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PoseError:
    """Angle between the beam directions, turn about the beam that is left, and distance of the centres."""

    direction_degrees: float
    in_plane_degrees: float
    shift_angstrom: float


@dataclass(frozen=True, slots=True)
class Frame:
    """How a structure lies on the representative of its group: x_rep = rotation (3, 3) @ x + translation (3,) in A."""

    rotation: Floats
    translation_angstrom: Floats
    mirror: bool


def rotation_error_degrees(true: Floats, found: Floats, symmetry: Floats) -> tuple[float, float]:
    """Return the errors of direction and of in-plane angle of a rotation that was found.

    The rotation that takes the true pose to the found one is a turn about the beam followed by the shortest rotation
    that moves the beam: the angles of the two are the errors. Of the poses that show the same image, one a
    symmetry operation, the one counts whose whole turn from the true pose is smallest.

    Parameters
    ----------
    true, found : (3, 3)
        Rotation matrices that turn the molecule so that the beam runs along +z.
    symmetry : (n, 3, 3)
        Rotations that map the molecule on itself, the identity among them.
    """
    between = found @ symmetry @ true.T
    rest = between[np.trace(between, axis1=1, axis2=2).argmax()]
    tilt = np.arccos(np.clip(rest[2, 2], -1.0, 1.0))
    turn = np.arctan2(rest[1, 0] - rest[0, 1], rest[0, 0] + rest[1, 1])
    return float(np.degrees(tilt)), float(np.degrees(abs(turn)))


class PoseErrors:
    """Pose errors in an index; symmetries are found once for each structure."""

    def __init__(self, index: SearchIndex) -> None:
        self._library = index.library
        self._frames = _member_frames(index)
        self._symmetry: dict[str, Floats] = {}

    def error(
        self,
        subject: Subject,
        quaternion: NDArray[np.floating],
        shift_angstrom: NDArray[np.floating],
        matched: Matched,
        pixel_size_angstrom: float,
    ) -> PoseError | None:
        """Return the error of the pose of a match, the truth being ``quaternion`` (4,) and ``shift_angstrom`` (2,).

        Where another member of the right group was matched, its pose is carried over by the superpositions of both on the
        representative; None where one of these is a mirrored one.
        """
        pose = matched.match.pose
        found = quaternions_to_matrices(pose.quaternion)
        centre = np.array(pose.shift_px) / matched.scale * pixel_size_angstrom
        if matched.candidate.structure != subject.structure:
            own, other = self._frames[subject.structure], self._frames[matched.candidate.structure]
            if own.mirror or other.mirror:
                return None
            onto_own = found @ other.rotation.T
            centre = centre + (onto_own @ (own.translation_angstrom - other.translation_angstrom))[:2]
            found = onto_own @ own.rotation
        tilt, turn = rotation_error_degrees(
            quaternions_to_matrices(quaternion), found, self._symmetry_of(subject.structure)
        )
        return PoseError(tilt, turn, float(np.linalg.norm(centre - shift_angstrom)))

    def _symmetry_of(self, structure: str) -> Floats:
        if structure not in self._symmetry:
            self._symmetry[structure] = self_rotations(self._library.model(structure))
        return self._symmetry[structure]


def _member_frames(index: SearchIndex) -> dict[str, Frame]:
    with Catalogue(index.generation.file("catalogue.duckdb")) as catalogue:
        rows = catalogue.rows(
            "SELECT structure_id, rotation, translation_angstrom, mirror FROM group_members"
        )
    return {
        row["structure_id"]: Frame(
            np.array(row["rotation"], np.float64).reshape(3, 3),
            np.array(row["translation_angstrom"], np.float64),
            bool(row["mirror"]),
        )
        for row in rows
    }
