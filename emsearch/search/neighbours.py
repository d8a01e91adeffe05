"""The nearest views of many images at once: one product of matrices, and a selection that sorts little.

FAISS compares one image with compressed vectors as fast as they can be read, but a batch no faster image by image. Here
the vectors are unpacked once, on the device of the network, and each tile of them is multiplied with all images.
"""

import numpy as np
import torch
from torch import Tensor

from emsearch_index.vectors import Vectors

__all__ = ["Neighbours"]

_FEW = 16  # copies of images: so many FAISS compares before the vectors would be unpacked
_MOST_UNPACKED_BYTES = 2**30
_TOGETHER = 64  # queries compared at once
_TILE = 4096  # vectors multiplied at once, so that the scores stay in the cache
_BLOCK = 16  # vectors of a tile that stand for one another while the best are looked for


class Neighbours:
    """The vectors of one size class; few queries are FAISS's, many are compared on ``device``."""

    def __init__(self, vectors: Vectors, device: torch.device) -> None:
        self._vectors = vectors
        self._device = device
        self._tiles: Tensor | None = None

    def __len__(self) -> int:
        """Return the number of vectors."""
        return len(self._vectors)

    def nearest(self, queries: Tensor, k: int) -> tuple[Tensor, Tensor]:
        """Return the cosines, float32 (q, k), and ids, int64 (q, k), of the k vectors most similar to each query.

        ``queries`` (q, dimension) are of unit length. No more than there are vectors come back, in any order; ids
        below zero are padding. Both ways give the same vectors, with cosines equal to rounding.
        """
        k = min(k, len(self))
        unpacked_bytes = 4 * len(self) * self._vectors.dimension
        if len(queries) < _FEW or unpacked_bytes > _MOST_UNPACKED_BYTES:
            similarity, vector_id = self._vectors.search(queries.cpu().numpy(), k)
            return torch.from_numpy(similarity), torch.from_numpy(vector_id)
        return self._compare(queries.to(self._device), k)

    def _unpacked(self) -> Tensor:
        """Return all vectors, float32 (tiles, tile, dimension), the last tile filled up with zeros."""
        if self._tiles is None:
            stored = torch.from_numpy(self._vectors.reconstruct(np.arange(len(self))))
            tiles = -(-len(self) // _TILE)
            padded = torch.zeros(tiles * _TILE, stored.shape[1])
            padded[: len(self)] = stored
            self._tiles = padded.view(tiles, _TILE, -1).to(self._device)
        return self._tiles

    @torch.inference_mode()
    def _compare(self, queries: Tensor, k: int) -> tuple[Tensor, Tensor]:
        tiles = self._unpacked()
        scores = torch.empty(len(tiles), min(_TOGETHER, len(queries)), _TILE, device=self._device)
        found = [self._best(some, scores[:, : len(some)], k) for some in queries.split(_TOGETHER)]
        similarity, vector_id = zip(*found, strict=True)
        return torch.cat(similarity).cpu(), torch.cat(vector_id).cpu()

    def _best(self, queries: Tensor, scores: Tensor, k: int) -> tuple[Tensor, Tensor]:
        """Compare queries (q, dimension); ``scores`` (tiles, q, tile) is room to do so."""
        tiles, rows = self._unpacked(), _TILE // _BLOCK
        for tile, score in zip(tiles, scores, strict=True):
            torch.mm(queries, tile.T, out=score)
        scores[-1, :, len(self) - (len(tiles) - 1) * _TILE :] = -torch.inf
        blocks = scores.unflatten(2, (_BLOCK, rows))  # a block: vectors j, j + rows, j + 2 rows ...
        best = blocks.amax(2).transpose(0, 1).flatten(1)
        # The k best vectors lie in the k blocks of the highest maxima: each of these holds one at least as good.
        chosen = _largest(best, min(k, best.shape[1]))
        tile, row = chosen // rows, chosen % rows
        some = blocks[tile, torch.arange(len(queries), device=self._device)[:, None], :, row].flatten(1)
        place = _largest(some, k)
        block, within = place // _BLOCK, place % _BLOCK
        vector_id = tile.gather(1, block) * _TILE + within * rows + row.gather(1, block)
        return some.gather(1, place), vector_id


def _largest(values: Tensor, k: int) -> Tensor:
    """Return where the k largest of each row (q, n) stand, in any order; NumPy's partition beats topk on a CPU."""
    if values.device.type != "cpu":
        return values.topk(k, dim=1, sorted=False).indices
    return torch.from_numpy(np.argpartition(values.numpy(), -k, axis=1)[:, -k:])
