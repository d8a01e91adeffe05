import numpy as np
import pytest

from emsearch.imaging.cloud import BeadCloud
from emsearch.structures.beads import BeadModel


def lobes(seed: int, nucleic_share: float = 0.3) -> BeadModel:
    """Residues packed at 5.1 A into three lobes of unequal size: no symmetry, no mirror image of itself."""
    rng = np.random.default_rng(seed)
    axis = np.arange(-70, 71, 5.1)
    grid = np.stack(np.meshgrid(axis, axis, axis), -1).reshape(-1, 3)
    centres = np.array([[0, 0, 0], [32, 10, -14], [-14, 30, 18], [6, -12, 36]])
    radii = np.array([20, 15, 13, 11])
    inside = (np.linalg.norm(grid[:, None] - centres, axis=2) < radii).any(1)
    centroid = grid[inside] + rng.normal(0, 0.6, (inside.sum(), 3))
    n = len(centroid)
    mass = rng.uniform(80, 140, n)
    return BeadModel(
        centroid_angstrom=(centroid - np.average(centroid, axis=0, weights=mass)).astype(np.float32),
        mass_da=mass.astype(np.float32),
        volume_angstrom3=(1.21 * mass).astype(np.float32),
        width_angstrom=np.full(n, 1.2, np.float32),
        scattering_angstrom=(0.35 * mass).astype(np.float32),
        nucleic=rng.random(n) < nucleic_share,
    )


def one_bead() -> BeadModel:
    return BeadModel(
        centroid_angstrom=np.zeros((1, 3), np.float32),
        mass_da=np.full(1, 110, np.float32),
        volume_angstrom3=np.full(1, 130, np.float32),
        width_angstrom=np.full(1, 2.0, np.float32),
        scattering_angstrom=np.full(1, 40, np.float32),
        nucleic=np.zeros(1, np.bool_),
    )


@pytest.fixture(scope="session")
def model() -> BeadModel:
    return lobes(1)


@pytest.fixture(scope="session")
def cloud(model: BeadModel) -> BeadCloud:
    """Structure 0 is ``model``, structure 1 one bead at the origin, structure 2 a third shape."""
    third = lobes(2)
    stretched = (third.centroid_angstrom * np.array([0.5, 1.2, 1.0])).astype(np.float32)
    return BeadCloud.from_models(
        [
            model,
            one_bead(),
            BeadModel(
                stretched,
                third.mass_da,
                third.volume_angstrom3,
                third.width_angstrom,
                third.scattering_angstrom,
                third.nucleic,
            ),
        ]
    )
