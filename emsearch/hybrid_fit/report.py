"""A fit in numbers, as plain values."""

from typing import Any

import numpy as np

from emsearch.hybrid_fit.distortion import distortion_of
from emsearch.hybrid_fit.fitted_image import FittedImage
from emsearch.hybrid_fit.fitting import Fitted
from emsearch.hybrid_fit.state import BEND
from emsearch.search.poses import NAMES

__all__ = ["fit_json", "fit_summary"]

_LOGARITHMIC = {"scale": "scale", "blur": "resolution_angstrom", "softness": "softness_angstrom"}


def fit_summary(fitted: FittedImage) -> dict[str, Any]:
    """Return what a person wants to know first."""
    fit = fitted.fit
    bent = distortion_of(fit.flexible, fit.bent.state.modes)
    ahead = fit.pose_log_evidence_ratio
    return {
        "structure": fitted.subject.name,
        "verdict": "bent" if fit.warranted else "not bent",
        "pose": "settled" if fit.pose_settled else "not settled",
        "correlation_before": round(fit.rigid.correlation, 4),
        "correlation_after": round(fit.bent.correlation, 4),
        "log_likelihood_before": round(fit.rigid.log_likelihood, 2),
        "log_likelihood_after": round(fit.bent.log_likelihood, 2),
        "log_evidence_ratio": round(fit.log_evidence_ratio, 2),
        "pose_log_evidence_ratio": None if ahead is None else round(ahead, 2),
        "rmsd_angstrom": round(bent.rmsd_angstrom, 2),
        "clashes": bent.clashes,
        "energy": round(bent.energy, 2),
    }


def fit_json(fitted: FittedImage) -> dict[str, Any]:
    """Return all of it: the summary, the pose and parameters of both fits, and the modes.

    Uncertainties are standard deviations by the curvature at the fit. Amplitudes are in A, those of
    `emsearch.structures.bending.bend`.
    """
    fit = fitted.fit
    count = len(fit.bent.state.modes)
    sd = np.sqrt(np.diag(fit.bent.covariance))[BEND:]
    unit = fit.flexible.amplitude_angstrom
    return {
        **fit_summary(fitted),
        "image": fitted.image,
        "pixel_size_angstrom": fitted.pixel_size_angstrom,
        "contrast": fitted.contrast,
        "before": _parameters(fitted, bent=False),
        "after": _parameters(fitted, bent=True),
        "modes": [
            {
                "mode": k + 1,
                "eigenvalue": float(f"{fit.flexible.modes.eigenvalue[k]:.6g}"),
                "amplitude_angstrom": round(float(fit.bent.state.modes[k] * unit[k]), 3),
                "uncertainty_angstrom": round(float(sd[k] * unit[k]), 3),
                "expected_angstrom": round(float(unit[k]), 3),
            }
            for k in range(count)
        ],
    }


def _parameters(fitted: FittedImage, *, bent: bool) -> dict[str, Any]:
    found: Fitted = fitted.fit.bent if bent else fitted.fit.rigid
    state, view = found.state, fitted.view(bent)
    sd = dict(zip((*NAMES, "softness", "defocus"), np.sqrt(np.diag(found.covariance)).tolist(), strict=False))
    values: dict[str, Any] = {
        "quaternion": [round(q, 6) for q in view.quaternion],
        "in_plane_degrees": round(view.in_plane_degrees, 2),
        "angle_uncertainties_degrees": [
            round(float(np.degrees(sd[n])), 2) for n in ("tilt_x", "tilt_y", "spin")
        ],
        "shift_px": [round(s, 3) for s in view.shift_px],
        "shift_uncertainties_px": [round(sd[n] / fitted.scale, 3) for n in ("shift_x", "shift_y")],
        "mirror": view.mirror,
    }
    logarithms = {"scale": state.pose.scale[0], "blur": state.pose.blur[0], "softness": state.softness}
    for name, shown in _LOGARITHMIC.items():
        value = float(np.exp(logarithms[name]))
        values[shown] = {"value": round(value, 4), "uncertainty": round(value * sd[name], 4)}
    for name, shown in (("fill", "fill"), ("uptake", "uptake"), ("top", "top_signal")):
        values[shown] = {
            "value": round(float(getattr(state.pose, name)[0]), 4),
            "uncertainty": round(sd[name], 4),
        }
    values["defocus_change_um"] = {
        "value": round(state.defocus_um, 4),
        "uncertainty": round(sd["defocus"], 4),
    }
    return values
