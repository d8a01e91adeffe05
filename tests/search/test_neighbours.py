"""Products of matrices find the vectors that FAISS finds."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from emsearch.search.neighbours import Neighbours
from emsearch_index.vectors import Vectors, write_vectors


def unit(rng: np.random.Generator, n: int, dimension: int = 16) -> torch.Tensor:
    return functional.normalize(
        torch.from_numpy(rng.standard_normal((n, dimension)).astype(np.float32)), dim=1
    )


@pytest.mark.parametrize("count", [3, 1000, 4096, 9001])
def test_many_queries_find_what_few_find(tmp_path: Path, count: int) -> None:
    rng = np.random.default_rng(count)
    write_vectors(unit(rng, count).numpy(), tmp_path / "v.faiss", kind="sq8")
    neighbours = Neighbours(Vectors.open(tmp_path / "v.faiss"), torch.device("cpu"))
    queries = unit(rng, 70)
    similarity, vector_id = neighbours.nearest(queries, 300)
    assert similarity.shape == vector_id.shape == (70, min(300, count))
    for k in range(0, 70, 10):
        cosine, few = neighbours.nearest(queries[k : k + 1], 300)
        order = torch.argsort(-similarity[k], stable=True)
        torch.testing.assert_close(similarity[k, order], cosine[0].sort(descending=True).values)
        shared = np.intersect1d(vector_id[k].numpy(), few[0].numpy())
        assert len(shared) >= len(few[0]) - 1  # of two that are equal to rounding, either may be the last
