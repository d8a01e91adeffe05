"""An explanation in numbers, as plain values and as arrays."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from emsearch.explanation.explained_images import ExplainedImages
from emsearch.explanation.methods import Method
from emsearch.search.answering import Matched, view_of
from emsearch.search.engine import Group

__all__ = ["explanation_json", "method_rows", "write_arrays"]


def method_rows(explained: ExplainedImages) -> list[dict[str, Any]]:
    """Return a row a method, means over the images.

    ``total`` is the sum of the map; ``deletion`` and ``insertion`` are those of
    `emsearch.explanation.faithfulness`, ``between`` their difference, also for maps of edges alone and of noise;
    ``on_beads`` is the part of the map that lies on the structure.
    """
    methods = list(explained.explanations[0].parts)
    return [_row(explained, methods, method) for method in methods]


def _row(explained: ExplainedImages, methods: Sequence[Method], method: Method) -> dict[str, Any]:
    parts = [e.parts[method] for e in explained.explanations]

    def mean(values: Sequence[float]) -> float:
        return round(float(np.mean(values)), 4)

    agreement = {
        f"agreement_{other}": mean(
            [
                1.0 if other == method else _agreement(e.agreement, method, other)
                for e in explained.explanations
            ]
        )
        for other in methods
    }
    return {
        "method": method,
        "total": mean([float(p.map.sum()) for p in parts]),
        "on_beads": mean([float(p.beads.beads.sum()) for p in parts]),
        "deletion": mean([p.curves.deletion for p in parts]),
        "insertion": mean([p.curves.insertion for p in parts]),
        "between": mean([p.curves.between for p in parts]),
        "between_of_edges": mean([p.edges.between for p in parts]),
        "between_of_noise": mean([p.random.between for p in parts]),
        **agreement,
    }


def _agreement(of: Any, a: Method, b: Method) -> float:
    return float(of[a, b] if (a, b) in of else of[b, a])


def explanation_json(explained: ExplainedImages) -> dict[str, Any]:
    """Return everything but the maps as plain values."""
    return {
        "hit": _group(explained.hit),
        "rather_than": None if explained.rival is None else _group(explained.rival),
        "structure": explained.structure,
        "pixel_size_angstrom": explained.pixel_size_angstrom,
        "contrast": explained.contrast,
        "images": [
            {
                "image": row + 1,
                "log_likelihood": round(e.match.log_likelihood, 3),
                "expected_log_likelihood": round(float(e.match.expected.sum()), 3),
                "log_odds_of_network": round(e.log_odds, 4),
                "hit": _pose(e.case.hit),
                "rather_than": None if e.case.rival is None else _pose(e.case.rival),
            }
            for row, e in zip(explained.rows, explained.explanations, strict=True)
        ],
        "methods": method_rows(explained),
        "unused": list(explained.unused),
    }


def _group(group: Group) -> dict[str, Any]:
    return {"group": group.id, "representative": group.representative, "title": group.title}


def _pose(matched: Matched) -> dict[str, Any]:
    view = view_of(matched)
    return {
        "structure": view.structure,
        "quaternion": [round(q, 6) for q in view.quaternion],
        "shift_px": [round(s, 2) for s in view.shift_px],
        "fill": round(view.fill, 3),
        "correlation": round(view.correlation, 4),
        "log_posterior": round(matched.match.log_posterior, 3),
    }


def write_arrays(explained: ExplainedImages, path: Path) -> None:
    """Write maps (images, box, box) of each method, the match as observed and expected, and relevance of beads (n,).

    ``map_px_per_image_px`` (images,) is the scale of the maps, whose middle is that of the image.
    """
    explanations = explained.explanations
    arrays = {
        "image": np.stack([e.case.target.image.numpy() for e in explanations]),
        "match_observed": np.stack([e.match.evidence for e in explanations]),
        "match_expected": np.stack([e.match.expected for e in explanations]),
        "map_px_per_image_px": np.array([e.case.hit.scale for e in explanations]),
        "image_number": np.array(explained.rows) + 1,
    }
    for method in explanations[0].parts:
        arrays[f"map_{method}"] = np.stack([e.parts[method].map for e in explanations])
        arrays[f"beads_{method}"] = explained.beads(method)
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type]  # none is allow_pickle
