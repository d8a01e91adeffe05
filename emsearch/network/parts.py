"""Weights in parts of bounded size, for where a run's result cannot come back as one file.

    python -m emsearch.network.parts split run/best.pt parts --megabytes 15
    python -m emsearch.network.parts join parts weights.safetensors

Splitting needs torch alone; the parts hold float16 weights, as the shipped file does.
"""

import io
import re
from pathlib import Path

import torch
from torch import Tensor

from emsearch.network.checkpoint import compact_weights, load_state, network_from_weights, save_weights
from emsearch_index.errors import InputError

__all__ = ["join_parts", "split_state"]

_PART = re.compile(r"weights-(\d\d)-of-(\d\d)\.part")


def split_state(state: Path, folder: Path, *, part_bytes: int) -> list[Path]:
    """Write the averaged weights of a training state (best.pt) as numbered parts of at most ``part_bytes``."""
    average: dict[str, Tensor] = load_state(state, torch.device("cpu"))["average"]
    content = io.BytesIO()
    torch.save(compact_weights(average), content)
    data = content.getvalue()
    pieces = [data[first : first + part_bytes] for first in range(0, len(data), part_bytes)]
    if len(pieces) > 99:
        raise InputError(
            f"{state} makes {len(pieces)} parts of {part_bytes} bytes; give larger parts, up to 99 of them"
        )
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, piece in enumerate(pieces, start=1):
        path = folder / f"weights-{number:02d}-of-{len(pieces):02d}.part"
        path.write_bytes(piece)
        paths.append(path)
    return paths


def join_parts(folder: Path, weights: Path) -> None:
    """Write the weights whose parts lie in a folder as safetensors.

    Raises
    ------
    InputError
        Parts are missing, or belong to several sets.
    """
    found = {path: _PART.fullmatch(path.name) for path in sorted(folder.glob("weights-*.part"))}
    numbers = [int(match[1]) for match in found.values() if match]
    totals = {int(match[2]) for match in found.values() if match}
    if len(totals) != 1 or numbers != list(range(1, totals.pop() + 1)):
        names = ", ".join(path.name for path in found) or "nothing"
        raise InputError(
            f"{folder} holds {names} where all parts of one set of weights are expected; copy them again"
        )
    content = io.BytesIO(b"".join(path.read_bytes() for path in found))
    saved: dict[str, Tensor] = torch.load(content, map_location="cpu", weights_only=True)
    save_weights(weights, network_from_weights({name: value.float() for name, value in saved.items()}))


def _main() -> None:
    import argparse

    parser = argparse.ArgumentParser(
        description="Split a run's weights into small files, and join them again."
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    split = verbs.add_parser("split")
    split.add_argument("state", type=Path)
    split.add_argument("folder", type=Path)
    split.add_argument("--megabytes", type=float, default=15.0)
    join = verbs.add_parser("join")
    join.add_argument("folder", type=Path)
    join.add_argument("weights", type=Path)
    options = parser.parse_args()
    if options.verb == "split":
        for path in split_state(options.state, options.folder, part_bytes=int(options.megabytes * 1e6)):
            print(path)
    else:
        join_parts(options.folder, options.weights)


if __name__ == "__main__":
    _main()
