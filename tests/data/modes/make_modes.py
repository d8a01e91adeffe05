"""Make ellipsoid.npz with ProDy 2.6.1, in an environment that has it: python make_modes.py."""

import numpy as np

HALF_AXES_ANGSTROM = (22.0, 15.0, 11.0)
SPACING_ANGSTROM = 5.1


def main() -> None:
    """Fill an ellipsoid with points and write them with the ten softest modes of their anisotropic network."""
    import prody

    steps = [np.arange(-half, half + SPACING_ANGSTROM, SPACING_ANGSTROM) for half in HALF_AXES_ANGSTROM]
    grid = np.stack(np.meshgrid(*steps, indexing="ij"), axis=-1).reshape(-1, 3)
    inside = grid[np.sum((grid / np.array(HALF_AXES_ANGSTROM)) ** 2, axis=1) <= 1]
    jitter = np.random.default_rng(0).uniform(-1.2, 1.2, inside.shape)
    points = (inside + jitter).astype(np.float32).round(2)
    network = prody.ANM("ellipsoid")
    network.buildHessian(points.astype(np.float64), cutoff=15.0, gamma=1.0)
    network.calcModes(10)
    np.savez_compressed(
        "ellipsoid.npz",
        points_angstrom=points,
        eigenvalue=network.getEigvals(),
        eigenvector=network.getEigvecs().T.reshape(10, -1, 3).astype(np.float32),
    )


if __name__ == "__main__":
    main()
