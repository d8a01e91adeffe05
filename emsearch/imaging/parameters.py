"""Every parameter of a simulated image, and the ranges from which they are sampled.

Ranges and their sources: negative stain effective resolution 15-30 A, SNR and CTF ranges as reviewed in
docs/explanation/image-model.md.
"""

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emsearch.imaging.rotations import random_quaternions

__all__ = ["ImageParameters", "ParameterRanges", "clean_parameters"]

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class ImageParameters:
    """The parameters of n images, each an array whose first axis has length n.

    Attributes
    ----------
    quaternion : (n, 4)
        Orientation, (w, x, y, z): turns the structure so that the beam runs along +z.
    shift_angstrom : (n, 2)
        Particle centre from the image centre, (x, y).
    magnification : (n,)
        Scale error of the picture; 1 is exact.
    stained : (n,) bool
        Negative stain where True, ice where False.
    fill : (n,)
        Stain height over particle height; 1 or more is full embedding.
    softness_angstrom : (n,)
        Width delta of the stain surface, w(z) = 1 / (1 + exp((z - z_fill) / delta)).
    top_signal : (n,)
        epsilon: the unstained top contributes -epsilon times its projection.
    uptake : (n,)
        p: nucleic acid binds uranyl, its excluded volume counts (1 - p) times.
    flattening, widening : (n,)
        Scale along the beam and across it.
    resolution_angstrom : (n,)
        d of the Gaussian density, sigma = 0.225 d.
    rim, rim_width_angstrom, rim_side, rim_angle_degrees : (n,)
        Dark meniscus: depth over particle contrast, decay, one-sidedness 0-1 and its direction.
    snr : (n,)
        Variance of the signal over that of the noise inside the particle's disc; inf is clean.
    grain, carbon : (n,)
        Shares of the noise variance before the CTF: stain grain (smoothed), carbon (white). The rest is shot
        noise.
    grain_angstrom : (n,)
        FWHM of the stain grain.
    gradient : (n, 2)
        Plane across the box, (x, y), in background standard deviations.
    defocus_um, voltage_kv, cs_mm, amplitude_contrast, b_factor_angstrom2 : (n,)
        Optics; no CTF is applied where the voltage is 0 (or it was corrected in full).
    phase_flipped : (n,) bool
        The image's phases were corrected: the modulus of the CTF is applied.
    aperture : (n,)
        Radius up to which the picture is known, over half of the box; never less than the particle needs.
    neighbour_distance, neighbour_angle_degrees : (n,)
        Where the centre of another particle of the same kind stands, distance over the particle's diameter; 0 is none.
    neighbour_quaternion : (n, 4)
        Its orientation.
    """

    quaternion: Array
    shift_angstrom: Array
    magnification: Array
    stained: NDArray[np.bool_]
    fill: Array
    softness_angstrom: Array
    top_signal: Array
    uptake: Array
    flattening: Array
    widening: Array
    resolution_angstrom: Array
    rim: Array
    rim_width_angstrom: Array
    rim_side: Array
    rim_angle_degrees: Array
    snr: Array
    grain: Array
    carbon: Array
    grain_angstrom: Array
    gradient: Array
    defocus_um: Array
    voltage_kv: Array
    cs_mm: Array
    amplitude_contrast: Array
    b_factor_angstrom2: Array
    phase_flipped: NDArray[np.bool_]
    aperture: Array
    neighbour_distance: Array
    neighbour_angle_degrees: Array
    neighbour_quaternion: Array

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.quaternion)

    def __getitem__(self, index: Any) -> "ImageParameters":
        """Return the parameters of the images that a slice, mask or index array selects."""
        return ImageParameters(*(getattr(self, f.name)[index] for f in fields(self)))

    def with_values(self, **values: object) -> "ImageParameters":
        """Return the same parameters with some replaced; scalars are spread over all images."""
        full = {
            name: np.broadcast_to(
                np.asarray(value, getattr(self, name).dtype), getattr(self, name).shape
            ).copy()
            for name, value in values.items()
        }
        return replace(self, **full)


def clean_parameters(
    quaternion: NDArray[np.floating], *, fill: float = 1.0, resolution_angstrom: float = 20.0
) -> ImageParameters:
    """Return parameters of centred, noise-free stain images at the given orientations (n, 4)."""
    n = len(quaternion)

    def every(value: float) -> Array:
        return np.full(n, value, np.float32)

    return ImageParameters(
        quaternion=np.asarray(quaternion, np.float32),
        shift_angstrom=np.zeros((n, 2), np.float32),
        magnification=every(1),
        stained=np.ones(n, np.bool_),
        fill=every(fill),
        softness_angstrom=every(5),
        top_signal=every(0),
        uptake=every(0),
        flattening=every(1),
        widening=every(1),
        resolution_angstrom=every(resolution_angstrom),
        rim=every(0),
        rim_width_angstrom=every(50),
        rim_side=every(0),
        rim_angle_degrees=every(0),
        snr=every(np.inf),
        grain=every(0),
        carbon=every(0),
        grain_angstrom=every(12),
        gradient=np.zeros((n, 2), np.float32),
        defocus_um=every(0),
        voltage_kv=every(0),
        cs_mm=every(2.7),
        amplitude_contrast=every(1),
        b_factor_angstrom2=every(0),
        phase_flipped=np.zeros(n, np.bool_),
        aperture=every(1),
        neighbour_distance=every(0),
        neighbour_angle_degrees=every(0),
        neighbour_quaternion=np.asarray(quaternion, np.float32),
    )


Range = tuple[float, float]
Flags = NDArray[np.bool_]

_RIM_SHARE = 0.6  # of the stained images have a meniscus that shows


@dataclass(frozen=True, slots=True)
class ParameterRanges:
    """Ranges from which image parameters are drawn, uniformly unless the name says otherwise."""

    stained_share: float = 0.75
    full_share: float = 0.4
    fill: Range = (0.3, 1.0)
    softness_angstrom: Range = (3.0, 8.0)
    top_signal: Range = (0.0, 0.25)
    uptake: Range = (0.0, 1.3)
    flattened_share: float = 0.3
    flattening: Range = (0.6, 1.0)
    widening: Range = (1.0, 1.1)
    resolution_angstrom: Range = (15.0, 30.0)
    cryo_resolution_angstrom: Range = (8.0, 25.0)
    shift_sd_box: float = 0.02
    shift_max_box: float = 0.06
    magnification: Range = (0.95, 1.05)
    rim: Range = (0.0, 0.3)
    rim_width_angstrom: Range = (30.0, 80.0)
    log_snr: Range = (0.1, 20.0)
    grain_angstrom: Range = (8.0, 20.0)
    gradient: Range = (0.0, 1.5)
    stain_defocus_share: float = 0.5
    stain_defocus_um: Range = (0.0, 0.5)
    stain_amplitude_contrast: Range = (0.1, 0.4)
    cryo_defocus_um: Range = (0.5, 3.0)
    cryo_amplitude_contrast: Range = (0.07, 0.1)
    cryo_corrected_share: float = 0.33
    phase_flipped_share: float = 0.5
    b_factor_angstrom2: Range = (50.0, 300.0)
    open_share: float = 0.4
    aperture: Range = (0.2, 1.0)
    neighbour_share: float = 0.3
    neighbour_distance: Range = (1.0, 1.6)
    voltages_kv: tuple[float, ...] = (120.0, 200.0, 300.0)

    def sample(self, rng: np.random.Generator, n: int, box_angstrom: NDArray[np.floating]) -> ImageParameters:
        """Draw the parameters of n images whose boxes measure ``box_angstrom`` (n,) across."""
        draw = _Draw(rng, n)
        stained = draw.chance(self.stained_share)
        flattened = stained & draw.chance(self.flattened_share)
        seen = rng.random(n)
        optics = np.where(stained, seen < self.stain_defocus_share, seen >= self.cryo_corrected_share)
        shift = self._shift(draw, box_angstrom)
        noise_shares = rng.dirichlet((1.0, 1.0, 1.0), n).astype(np.float32)
        gradient = self._gradient(draw)
        return ImageParameters(
            quaternion=random_quaternions(rng, n).astype(np.float32),
            shift_angstrom=shift,
            magnification=draw.uniform(self.magnification),
            stained=stained,
            **self._specimen(draw, stained, flattened),
            **self._noise(draw, stained, noise_shares),
            gradient=gradient,
            **self._optics(draw, stained, optics),
            aperture=_either(draw.chance(self.open_share), 1.0, draw.uniform(self.aperture)),
            **self._neighbour(_Draw(rng.spawn(1)[0], n)),
        )

    def _shift(self, draw: "_Draw", box_angstrom: NDArray[np.floating]) -> Array:
        limit = self.shift_max_box / self.shift_sd_box
        steps = np.clip(draw.rng.standard_normal((draw.n, 2)), -limit, limit)
        return np.asarray(steps * self.shift_sd_box * box_angstrom[:, None], np.float32)

    def _gradient(self, draw: "_Draw") -> Array:
        """A plane in half of the images."""
        angle = draw.rng.uniform(0, 2 * np.pi, draw.n)
        slope = draw.uniform(self.gradient) * draw.chance(0.5)
        return np.stack([slope * np.cos(angle), slope * np.sin(angle)], 1).astype(np.float32)

    def _neighbour(self, draw: "_Draw") -> dict[str, Any]:
        """Another particle beside some, from a stream of its own, so that the rest of an image does not depend on it."""
        crowded = draw.chance(self.neighbour_share)
        return {
            "neighbour_distance": _either(crowded, draw.uniform(self.neighbour_distance), 0.0),
            "neighbour_angle_degrees": draw.uniform((0.0, 360.0)),
            "neighbour_quaternion": random_quaternions(draw.rng, draw.n).astype(np.float32),
        }

    def _specimen(self, draw: "_Draw", stained: Flags, flattened: Flags) -> dict[str, Any]:
        """How the particle lies in stain or ice, and its meniscus."""
        return {
            "fill": _either(stained & ~draw.chance(self.full_share), draw.uniform(self.fill), 1.0),
            "softness_angstrom": draw.uniform(self.softness_angstrom),
            "top_signal": _either(stained, draw.uniform(self.top_signal), 0.0),
            "uptake": _either(stained, draw.uniform(self.uptake), 0.0),
            "flattening": _either(flattened, draw.uniform(self.flattening), 1.0),
            "widening": _either(flattened, draw.uniform(self.widening), 1.0),
            "resolution_angstrom": _either(
                stained, draw.uniform(self.resolution_angstrom), draw.uniform(self.cryo_resolution_angstrom)
            ),
            "rim": _either(stained & draw.chance(_RIM_SHARE), draw.uniform(self.rim), 0.0),
            "rim_width_angstrom": draw.uniform(self.rim_width_angstrom),
            "rim_side": draw.uniform((0.0, 1.0)),
            "rim_angle_degrees": draw.uniform((0.0, 360.0)),
        }

    def _noise(self, draw: "_Draw", stained: Flags, shares: Array) -> dict[str, Any]:
        """How strong the noise is, and of what; ``shares`` (n, 3) are of grain, carbon and shot noise."""
        low, high = np.log(self.log_snr)
        return {
            "snr": np.exp(draw.rng.uniform(low, high, size=draw.n)).astype(np.float32),
            "grain": _either(stained, shares[:, 0], 0.0),
            "carbon": shares[:, 1],
            "grain_angstrom": draw.uniform(self.grain_angstrom),
        }

    def _optics(self, draw: "_Draw", stained: Flags, seen: Flags) -> dict[str, Any]:
        """The transfer function, of those images in which it is ``seen``."""
        return {
            "defocus_um": _either(
                stained, draw.uniform(self.stain_defocus_um), draw.uniform(self.cryo_defocus_um)
            ),
            "voltage_kv": _either(seen, draw.rng.choice(self.voltages_kv, draw.n).astype(np.float32), 0.0),
            "cs_mm": np.full(draw.n, 2.7, np.float32),
            "amplitude_contrast": _either(
                stained,
                draw.uniform(self.stain_amplitude_contrast),
                draw.uniform(self.cryo_amplitude_contrast),
            ),
            "b_factor_angstrom2": draw.uniform(self.b_factor_angstrom2),
            "phase_flipped": draw.chance(self.phase_flipped_share),
        }


def _either(condition: Flags, yes: Array | float, no: Array | float) -> Array:
    """Return one value or the other (n,)."""
    return np.where(condition, yes, no).astype(np.float32)


@dataclass(frozen=True, slots=True)
class _Draw:
    """Random numbers for n images; their order is that of the calls."""

    rng: np.random.Generator
    n: int

    def uniform(self, limits: Range) -> Array:
        return self.rng.uniform(*limits, size=self.n).astype(np.float32)

    def chance(self, share: float) -> Flags:
        return self.rng.random(self.n) < share
