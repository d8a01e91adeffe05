"""Arrays in, answers out; nothing heavy is imported before it is used."""

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import emsearch
from emsearch.batch.library import Index
from emsearch.particles.errors import ImageError
from emsearch.search.answering import answer_image

if TYPE_CHECKING:
    from emsearch.search.engine import SearchIndex

ROOT = Path(__file__).resolve().parents[2]


def test_arrays_are_answered_as_single_images_are(
    pooling_index: "SearchIndex", images: NDArray[np.float32]
) -> None:
    index = Index(pooling_index)
    answers = index.search(images[:3].astype(np.float64), pixel_size_angstrom=3.0, top=2, rerank=2)
    assert [answer.image for answer in answers] == [1, 2, 3]
    for answer, image in zip(answers, images, strict=False):
        reply = answer_image(pooling_index, torch.from_numpy(image), 3.0, top=2, rerank=2)
        assert [hit.group for hit in answer.hits] == [hit.group for hit in reply.hits]
        assert answer.hits[0].view is not None
        assert answer.in_database_probability == pytest.approx(reply.in_database_probability, abs=1e-3)
    dark = index.search(-images[0], pixel_size_angstrom=3.0, rerank=0)
    assert (dark[0].contrast, dark[0].hits[0].group) == ("dark", answers[0].hits[0].group)


def test_arrays_that_are_no_stacks_are_refused(
    pooling_index: "SearchIndex", images: NDArray[np.float32]
) -> None:
    index = Index(pooling_index)
    for wrong in (images[0, 0], images[:0], images[:1].astype(complex), images[None]):
        with pytest.raises(ImageError, match="no stack of images"):
            index.search(wrong, pixel_size_angstrom=3.0)
    with pytest.raises(ImageError, match="image 5 of the array has 1 pixels that are not finite"):
        index.search(images, pixel_size_angstrom=3.0)
    with pytest.raises(ImageError, match="is not a pixel size"):
        index.search(images[:1], pixel_size_angstrom=0.0)


def test_the_library_imports_nothing_heavy_before_it_is_used() -> None:
    program = (
        "import sys, emsearch; dir(emsearch); print(sorted({'torch', 'faiss', 'numpy'} & set(sys.modules)))"
    )
    paths = os.pathsep.join(str(ROOT / part) for part in (".", "index", "cli"))
    run = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert run.stdout == "[]\n"
    assert emsearch.Index is Index
    with pytest.raises(AttributeError, match="no attribute 'search_everything'"):
        emsearch.search_everything  # noqa: B018
