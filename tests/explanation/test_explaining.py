"""Images of a stack explained by every method."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from emsearch.explanation.case import Picture, case_of
from emsearch.explanation.choosing import choose_groups
from emsearch.explanation.explained_images import ExplainedImages, explain_images, rows_of
from emsearch.explanation.maps import smoothed
from emsearch.explanation.methods import METHODS, match_of, to_target_frame
from emsearch.explanation.perturbing import Perturbing
from emsearch.explanation.report import explanation_json, method_rows
from emsearch.imaging.stack_files import write_stack
from emsearch.particles.errors import ImageError
from emsearch.particles.source import open_particles
from emsearch_index.errors import UsageError

FEW = Perturbing(segments=6, lime_samples=12, shap_orders=1)


@pytest.fixture(scope="module")
def explained(explained_index: Any, blob_stack: Path) -> ExplainedImages:
    """Return the first two images explained by all methods, blob2 rather than blob4."""
    source = open_particles(blob_stack)
    return explain_images(explained_index, source, [0, 1], METHODS, rather_than="blob4", perturbing=FEW)


def test_the_hit_is_found_and_every_method_has_its_say(explained: ExplainedImages) -> None:
    assert explained.structure == "blob2" and explained.contrast == "dark"
    assert explained.rival is not None and explained.rival.representative == "blob4"
    assert [row["method"] for row in method_rows(explained)] == list(METHODS)
    for one in explained.explanations:
        assert one.match.log_likelihood > 0
        assert 0.3 < one.match.expected.sum() / one.match.log_likelihood < 3
        assert len(one.agreement) == 6 and all(-1 <= rho <= 1 for rho in one.agreement.values())
        for part in one.parts.values():
            assert part.map.shape == (64, 64) and np.isfinite(part.map).all()
            assert part.beads.beads.sum() + part.beads.beside == pytest.approx(
                part.map.sum(), rel=1e-6, abs=1e-9
            )


def test_the_match_is_worth_more_than_edges_and_noise(explained: ExplainedImages) -> None:
    (row, *_) = method_rows(explained)
    assert row["between"] > row["between_of_edges"] and row["between"] > row["between_of_noise"]
    total = np.mean([e.match.log_likelihood for e in explained.explanations])
    assert row["total"] == pytest.approx(total, rel=1e-3)


def test_means_over_images_are_of_the_same_beads(explained: ExplainedImages) -> None:
    beads = explained.beads("match")
    assert len(beads) == 200
    assert beads.sum() + explained.beside("match") == pytest.approx(
        np.mean([e.match.log_likelihood for e in explained.explanations]), rel=1e-6
    )
    assert explained.clearest in (0, 1)
    document = explanation_json(explained)
    assert [image["image"] for image in document["images"]] == [1, 2]
    assert document["images"][0]["rather_than"]["structure"] == "blob4"


def test_hit_and_rival_in_each_others_place(explained_index: Any, explained: ExplainedImages) -> None:
    one = explained.explanations[0]
    picture = Picture(one.case.image, explained.pixel_size_angstrom)
    turned = case_of(explained_index, picture, explained_index.number["G4"], explained_index.number["G2"])
    np.testing.assert_allclose(
        match_of(explained_index, turned).evidence, -one.match.evidence, rtol=1e-3, atol=1e-3
    )


def test_maps_of_the_network_are_moved_to_where_they_belong(explained: ExplainedImages) -> None:
    case = explained.explanations[0].case
    spot = np.zeros((64, 64))
    spot[36, 30] = 1.0
    moved = to_target_frame(smoothed(spot, 2.0), case.framed, case)
    assert moved.sum() == pytest.approx(1, abs=0.02)
    y, x = np.unravel_index(moved.argmax(), moved.shape)
    in_image = (np.array([30 - 32, 36 - 32]) / case.framed.scale) + np.array(case.framed.centre_px)
    np.testing.assert_allclose(np.array([x, y]) - 32, in_image * case.hit.scale, atol=1.0)


def test_ranks_and_names(explained_index: Any, explained: ExplainedImages) -> None:
    image = Picture(explained.explanations[0].case.image, 3.0)
    number = explained_index.number
    assert choose_groups(explained_index, [], "g1", "BLOB3") == (number["G1"], number["G3"])
    assert choose_groups(explained_index, [image], "1", "G0") == (number["G2"], number["G0"])
    for hit, rival, words in (
        ("9zzz", None, "neither a rank nor"),
        ("6", None, "no rank of an answer that names 5"),
        ("0", None, "no rank"),
        ("1", "blob2", "the same group"),
    ):
        with pytest.raises(UsageError, match=words):
            choose_groups(explained_index, [image], hit, rival)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x", "no list"),
        ("2-", "no list"),
        ("0-2", "not within"),
        ("3-9", "not within"),
        ("3-2", "not within"),
    ],
)
def test_lists_of_images_are_checked(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        rows_of(text, 5)


def test_images_that_cannot_be_used(explained_index: Any, tmp_path: Path) -> None:
    flat = tmp_path / "flat.mrcs"
    write_stack(flat, np.zeros((1, 32, 32), np.float32), 3.0, star=None, metadata={})
    with pytest.raises(ImageError):
        explain_images(explained_index, open_particles(flat), [0], ("match",))
    assert torch.is_grad_enabled()
