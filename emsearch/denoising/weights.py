"""The weights of a denoiser on disk: safetensors, with what they are written into the header."""

from dataclasses import dataclass
from pathlib import Path

from emsearch.denoising.unet import DenoisingNetwork
from emsearch.network.checkpoint import compact_weights, load_weights
from emsearch_index.errors import InputError

__all__ = ["Denoiser", "load_denoiser", "save_denoiser", "shipped_weights"]

_KIND = "emsearch denoiser 1"
_SHIPPED = Path(__file__).with_name("denoiser.safetensors")
_SHIPPED_SHA256 = "78e93d3d892a0ca42e1f4b4a22d41523a2f7651014006a5b6f64857aacf4d437"


@dataclass(frozen=True, slots=True)
class Denoiser:
    """A network that is ready to use, and what it was trained on.

    ``variant`` is "l1" or "pix2pix"; ``pairs`` how many it saw; ``left_out`` the groups that it never saw;
    ``pixel_sizes_angstrom`` those of the size classes, each in a box of ``box_px``.
    """

    network: DenoisingNetwork
    variant: str
    pairs: int
    left_out: tuple[str, ...]
    pixel_sizes_angstrom: tuple[float, ...]
    box_px: int


def save_denoiser(path: Path, denoiser: Denoiser) -> None:
    """Write a denoiser as float16 safetensors."""
    from safetensors.torch import save_file

    said = {
        "kind": _KIND,
        "variant": denoiser.variant,
        "pairs": str(denoiser.pairs),
        "left_out": ",".join(denoiser.left_out),
        "pixel_sizes_angstrom": ",".join(map(repr, denoiser.pixel_sizes_angstrom)),
        "box_px": str(denoiser.box_px),
    }
    save_file(compact_weights(denoiser.network.state_dict()), path, said)


def load_denoiser(path: Path) -> Denoiser:
    """Read a denoiser.

    Raises
    ------
    InputError
        The file is not there, is no safetensors file, or holds something else.
    """
    from safetensors import safe_open

    weights = load_weights(path)
    with safe_open(path, "pt") as file:
        said = file.metadata() or {}
    if said.get("kind") != _KIND:
        raise InputError(
            f"{path} holds no denoiser (found {said.get('kind', 'no kind')!r}, expected {_KIND!r}); give a file that "
            "emsearch train-denoiser wrote"
        )
    network = DenoisingNetwork(len(weights["first.weight"]))
    network.load_state_dict(weights)
    left_out = tuple(name for name in said["left_out"].split(",") if name)
    pixel_sizes = tuple(float(size) for size in said["pixel_sizes_angstrom"].split(","))
    return Denoiser(
        network.eval(), said["variant"], int(said["pairs"]), left_out, pixel_sizes, int(said["box_px"])
    )


def shipped_weights() -> Path:
    """Return the weights that ship, hashed first.

    Raises
    ------
    InputError
        The file is not there or is not the one that was measured.
    """
    from emsearch_index.manifest import hash_file

    if not _SHIPPED.exists() or hash_file(_SHIPPED).sha256 != _SHIPPED_SHA256:
        raise InputError(f"{_SHIPPED} is missing or damaged; install emsearch again, or give --weights")
    return _SHIPPED
