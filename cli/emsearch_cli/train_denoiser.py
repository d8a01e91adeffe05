"""``emsearch train-denoiser``: train the network of ``emsearch denoise``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emsearch_cli.messages import Messages
from emsearch_cli.options import DeviceName, Format, IndexDir, OutputFormat, Quiet, Verbose
from emsearch_cli.tables import Table, write_table
from emsearch_index.errors import UsageError

if TYPE_CHECKING:
    from emsearch.network.training_set import TrainingSet

__all__ = ["train_denoiser"]


def train_denoiser(
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            metavar="DIR",
            help="Folder of the run: its state, its log and in the end denoiser.safetensors.",
        ),
    ],
    index: IndexDir = None,
    beads: Annotated[
        Path | None,
        typer.Option(
            "--beads", metavar="FILE", help="Train on the training set .npz of a build instead of an index."
        ),
    ] = None,
    leave_out: Annotated[
        str,
        typer.Option(
            metavar="ID,...", help="Groups never to be trained on; a structure stands for its group."
        ),
    ] = "",
    pairs: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="How many simulated pairs to train on.")
    ] = None,
    batch: Annotated[int | None, typer.Option(min=1, metavar="N", help="Pairs of one step.")] = None,
    width: Annotated[
        int | None, typer.Option(min=8, metavar="N", help="Channels at full size, a multiple of 8.")
    ] = None,
    learning_rate: Annotated[
        float | None, typer.Option(min=0.0, metavar="RATE", help="The largest learning rate.")
    ] = None,
    adversarial: Annotated[
        bool, typer.Option("--adversarial", help="Train against a judge of patches as well (pix2pix).")
    ] = False,
    start: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Weights to begin with; without it, random ones.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Seed of everything random.")] = 0,
    device: DeviceName = "auto",
    form: OutputFormat = Format.TABLE,
    verbose: Verbose = 0,
    quiet: Quiet = False,
) -> None:
    """Train the network that denoise asks.

    Pairs of a noisy image and the clean view behind it are simulated from the structures of an index. A run that was
    interrupted goes on where it stopped.
    """
    from emsearch.denoising.pairs import without
    from emsearch.denoising.settings import DenoisingSettings
    from emsearch.denoising.train import progress_line, train_denoiser
    from emsearch.denoising.weights import Denoiser, load_denoiser, save_denoiser
    from emsearch.network.train import pick_device

    messages = Messages(verbose, quiet)
    if width is not None and width % 8:
        raise UsageError(f"--width {width} is no multiple of 8; give one")
    given: dict[str, Any] = {"images": pairs, "batch": batch, "width": width, "learning_rate": learning_rate}
    settings = DenoisingSettings(
        adversarial=adversarial,
        seed=seed,
        **{name: value for name, value in given.items() if value is not None},
    )
    whole = _training_set(index, beads, device)
    left_out = tuple(name.strip() for name in leave_out.split(",") if name.strip())
    used = without(whole, left_out)
    network = train_denoiser(
        used,
        out,
        settings,
        device=pick_device(device),
        start=None if start is None else load_denoiser(start).network,
        report=lambda progress: messages.say(progress_line(progress)),
    )
    path = out / "denoiser.safetensors"
    unseen = tuple(name for name in whole.groups if name not in set(used.groups))
    save_denoiser(
        path,
        Denoiser(
            network=network,
            variant="pix2pix" if adversarial else "l1",
            pairs=settings.images,
            left_out=unseen,
            pixel_sizes_angstrom=tuple(used.pixel_size_angstrom.tolist()),
            box_px=used.box_px,
        ),
    )
    write_table(
        Table.of(
            [
                {
                    "weights": str(path),
                    "pairs": settings.images,
                    "groups": len(used.groups),
                    "left_out": len(unseen),
                }
            ]
        ),
        form,
    )


def _training_set(index: Path | None, beads: Path | None, device: str) -> "TrainingSet":
    from emsearch.denoising.training_sets import training_set_of_file, training_set_of_index

    if beads is not None:
        return training_set_of_file(beads)
    from emsearch.search.engine import open_index

    return training_set_of_index(open_index(index, device=device))
