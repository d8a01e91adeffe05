"""Structures that the network has never seen: told from those in the index, and found once they are added.

    python tests/benchmarks/bench_held_out.py build FOLDER FILES... [--training-images 250000]
    python tests/benchmarks/bench_held_out.py ask FOLDER [--images 60] [--snr 10,2]

build: an index of all files but those of a sixth of the shape groups of the index that ships (or of --index), drawn at
random, in FOLDER/without, and the same with those files added, in FOLDER/added. Each stage goes on where it was left.

ask: images in negative stain, in boxes of 1.3 to 2.5 Dmax, of groups that were trained on and of groups that were added.
Prints the area under the ROC curve of "in the database", as the index without them says it, and of the index with them
how often the right group comes first and in the first three after matching, and how often it was compared.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from emsearch.build.adding.add import add
from emsearch.build.pipeline import build
from emsearch.build.settings import BuildSettings

Row = dict[str, Any]

_LEFT_OUT = 6  # one group of so many
_SEED = 6
_NOT_COMPARED = 1_000_000


def held_out_files(files: list[Path], index_dir: Path | None) -> list[Path]:
    """Return the files of a sixth of an index's groups; maps go by the name of their file and "_map"."""
    from emsearch.search.engine import open_index

    index = open_index(index_dir, device="cpu")
    order = np.random.default_rng(_SEED).permutation(len(index.groups))
    members = {m for g in order[: len(order) // _LEFT_OUT].tolist() for m in index.groups[g].members}
    return [path for path in files if {name := path.name.split(".")[0], f"{name}_map"} & members]


def build_both(options: argparse.Namespace) -> None:
    """Build the index without the files that are held out, and add them."""
    files = sorted(options.files)
    out = held_out_files(files, options.index)
    settings = BuildSettings(
        training_images=options.training_images,
        calibration_images=120,
        quantity_images=0,
        fills=(1.0, 0.6),
        member_fills=(0.8,),
    )
    without, added = options.folder / "without", options.folder / "added"
    build([path for path in files if path not in set(out)], without, settings, report=print)
    found = add(out, without, added, report=print)
    print(f"{len(out)} of {len(files)} files held out, {len(found.added)} added")


def asked(options: argparse.Namespace) -> list[Row]:
    """Return a row an image: its level and kind, and what both indexes say of it."""
    from emsearch.evaluation.simulated import BOXES, STAIN, draw_images, in_order_of_pixel_size
    from emsearch.search.answering import answer_image
    from emsearch.search.engine import open_index

    before, after = (open_index(options.folder / name, device="cpu") for name in ("without", "added"))
    rows = []
    for snr in map(float, options.snr.split(",")):
        for kind in ("trained", "added"):
            groups = np.flatnonzero(after.untrained == (kind == "added")).tolist()
            test = draw_images(after, groups, STAIN, options.images, 21, snr, box_over_dmax=BOXES)
            for k in in_order_of_pixel_size(test):
                right = after.groups[int(test.group[k])]
                picture = test.images[k], float(test.pixel_size_angstrom[k])
                hits = answer_image(after, *picture, top=len(after.groups)).hits
                compared = [hit.rank for hit in hits if hit.group == right.id and hit.view is not None]
                known = answer_image(before, *picture).in_database_probability
                rank = min(compared, default=_NOT_COMPARED)
                rows.append(
                    {
                        "snr": snr,
                        "kind": kind,
                        "class": right.size_class,
                        "known": known,
                        "rank": rank,
                    }
                )
    return rows


def report(rows: list[Row]) -> None:
    """Print both tables."""
    from emsearch.evaluation.discrimination import area_under_roc, calibration_error

    for snr in dict.fromkeys(row["snr"] for row in rows):
        own = [row for row in rows if row["snr"] == snr]
        for kind in ("trained", "added"):
            rank = np.array([row["rank"] for row in own if row["kind"] == kind])
            shares = ", ".join(f"{np.mean(rank <= k):.2f}" for k in (1, 3, _NOT_COMPARED - 1))
            print(f"SNR {snr:g}, {kind}: first, in first three, compared {shares} of {len(rank)}")
        for name in ["all", *sorted({row["class"] for row in own})]:
            part = [row for row in own if name in ("all", row["class"])]
            known = np.array([row["known"] for row in part])
            trained = np.array([row["kind"] == "trained" for row in part])
            if 0 < trained.sum() < len(trained):
                print(
                    f"SNR {snr:g}, {name}: AUROC {area_under_roc(known, trained):.3f}, calibration error "
                    f"{calibration_error(known, trained):.3f} of {len(part)}"
                )


def main() -> None:
    """Build, or ask and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("part", choices=("build", "ask"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("files", type=Path, nargs="*")
    parser.add_argument("--training-images", type=int, default=250_000)
    parser.add_argument("--images", type=int, default=60)
    parser.add_argument("--snr", default="10,2")
    parser.add_argument("--index", type=Path, default=None)
    options = parser.parse_args()
    if options.part == "build":
        build_both(options)
    else:
        report(asked(options))


if __name__ == "__main__":
    main()
