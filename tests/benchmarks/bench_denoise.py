"""What denoising is worth, on groups that the denoiser has never seen, and what it makes of nothing.

    python tests/benchmarks/bench_denoise.py PART --weights l1.safetensors,... [--images 140]

truth: correlation with the clean, fully stained projection inside the particle's disc, of the image as it is, after a
Gaussian (the best of several widths at each level, chosen on these very images), after a Wiener filter (radial, one for each
level and size class, from images of the groups that the denoiser was trained on), and of each denoiser's guess, with its
strength.

recognition: how often the network of the index (no projection matching) names the right group first and in the first three,
and how often it names a group that the denoiser was trained on, which none of the images shows.

matched: the same with projection matching, as `emsearch query` does it, of images as they are and denoised, and the
probability of "in the database".

noise: images of noise alone and of particles, as they are and denoised, searched with projection matching of ten groups: the
correlation of the first hit's projection, the probability of "in the database", how often it is above 1/2, and the strength.

resemblance: the largest correlation of images of noise and of particles, as they are, denoised and clean, with projections
of the groups of the second size class that the denoiser was trained on, and the strength.

With --out each row is also written as a line of JSON.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from emsearch.denoising.denoise import guess_framed
from emsearch.denoising.pairs import clean_view
from emsearch.denoising.weights import Denoiser, load_denoiser
from emsearch.evaluation.simulated import STAIN, SimulatedImages, draw_images, in_order_of_pixel_size
from emsearch.imaging.normalise import normalise
from emsearch.imaging.parameters import clean_parameters
from emsearch.imaging.rotations import (
    multiply_quaternions,
    quaternion_about_beam,
    random_quaternions,
)
from emsearch.search.answering import answer_image
from emsearch.search.engine import SearchIndex, open_index
from emsearch.search.proposal import propose_together

Row = dict[str, Any]
Denoisers = dict[str, Denoiser]

LEVELS = (10.0, 2.0, 0.5, 0.1)
_SIGMAS_PX = (0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
_FILTERED_ON = 100
_SEED = 77


def normalised(images: SimulatedImages) -> Tensor:
    box = images.images.shape[-1]
    return normalise(images.images, torch.full((len(images),), box / 2))


def truth_of(index: SearchIndex, images: SimulatedImages) -> Tensor:
    """Return the clean views (n, box, box)."""
    names = sorted({s.structure for s in images.subject})
    place = np.array([names.index(s.structure) for s in images.subject])
    box = images.images.shape[-1]
    return index.simulator(names).projections(
        place, clean_view(images.parameters), images.pixel_size_angstrom, box
    )


def in_disc(
    index: SearchIndex, images: SimulatedImages, pictures: Tensor, truth: Tensor
) -> np.ndarray[Any, Any]:
    """Return the correlation of pictures with the truth inside each particle's disc, (n,)."""
    box = truth.shape[-1]
    axis = np.arange(box) - box // 2
    found = []
    for k, subject in enumerate(images.subject):
        pixel = images.pixel_size_angstrom[k]
        radius = index.groups[subject.group].dmax_angstrom / 2 / pixel
        x, y = images.parameters.shift_angstrom[k] / pixel
        disc = np.hypot(axis[None, :] - x, axis[:, None] - y) <= max(radius, 3.0)
        a, b = pictures[k].numpy()[disc], truth[k].numpy()[disc]
        found.append(np.corrcoef(a, b)[0, 1] if a.std() > 0 else 0.0)
    return np.array(found)


def rings(box: int) -> Tensor:
    y, x = torch.fft.fftfreq(box, 1 / box), torch.fft.rfftfreq(box, 1 / box)
    return torch.hypot(y[:, None], x[None, :]).round().long()


def filtered(pictures: Tensor, transfer: Tensor) -> Tensor:
    found: Tensor = torch.fft.irfft2(torch.fft.rfft2(pictures) * transfer, s=pictures.shape[-2:])
    return found


def gaussian(pictures: Tensor, sigma_px: float) -> Tensor:
    k = rings(pictures.shape[-1]).float() / pictures.shape[-1]
    return filtered(pictures, torch.exp(-2 * torch.pi**2 * sigma_px**2 * k.square()))


def wiener_filters(index: SearchIndex, groups: list[int], snr: float) -> dict[float, Tensor]:
    """Return the best radial filter of each pixel size: covariance of image and truth over the power of the image."""
    found = {}
    for size_class in index.classes:
        own = [g for g in groups if index.groups[g].size_class == size_class.name]
        drawn = draw_images(index, own, STAIN, _FILTERED_ON, _SEED + 1, snr)
        image = torch.fft.rfft2(normalised(drawn))
        truth = torch.fft.rfft2(
            normalise(truth_of(index, drawn), torch.full((len(drawn),), size_class.box_px / 2))
        )
        ring = rings(size_class.box_px)
        total = torch.zeros(int(ring.max()) + 1)
        shared = total.index_add(0, ring.flatten(), (image * truth.conj()).real.mean(0).flatten())
        power = total.index_add(0, ring.flatten(), image.abs().square().mean(0).flatten())
        found[size_class.pixel_size_angstrom] = (shared / power.clamp_min(1e-12)).clamp_min(0)[ring]
    return found


def wiener(images: SimulatedImages, pictures: Tensor, filters: dict[float, Tensor]) -> Tensor:
    return filtered(pictures, torch.stack([filters[pixel] for pixel in images.pixel_size_angstrom.tolist()]))


def guesses(denoiser: Denoiser, pictures: Tensor) -> tuple[Tensor, Tensor]:
    guess = guess_framed(denoiser, pictures, torch.full((len(pictures),), pictures.shape[-1] / 2))
    return guess.pictures, guess.strength


def shown(index: SearchIndex, denoisers: Denoisers) -> tuple[list[int], list[int]]:
    """Return the groups that no denoiser has seen, and the others."""
    unseen = [index.number[name] for name in next(iter(denoisers.values())).left_out]
    return unseen, [g for g in range(len(index.groups)) if g not in set(unseen)]


def truth(index: SearchIndex, denoisers: Denoisers, images: int) -> Iterator[Row]:
    unseen, seen = shown(index, denoisers)
    for snr in LEVELS:
        drawn = draw_images(index, unseen, STAIN, images, _SEED, snr)
        pictures, clean = normalised(drawn), truth_of(index, drawn)
        rows: dict[str, Tensor] = {"as it is": pictures}
        rows["Wiener"] = wiener(drawn, pictures, wiener_filters(index, seen, snr))
        by_sigma = {s: in_disc(index, drawn, gaussian(pictures, s), clean).mean() for s in _SIGMAS_PX}
        best = max(by_sigma, key=lambda s: by_sigma[s])
        yield {"snr": snr, "method": "Gaussian", "correlation": by_sigma[best], "sigma_px": best}
        strengths = {}
        for name, denoiser in denoisers.items():
            rows[name], strengths[name] = guesses(denoiser, pictures)
        against = in_disc(index, drawn, rows["Wiener"], clean)
        for name, found in rows.items():
            r = in_disc(index, drawn, found, clean)
            row = {"snr": snr, "method": name, "correlation": r.mean(), "se": r.std() / len(r) ** 0.5}
            row |= {"better than Wiener": (r > against).mean(), "worst tenth": np.quantile(r, 0.1)}
            if name in strengths:
                row["strength"] = float(strengths[name].mean())
            yield row


def recognition(index: SearchIndex, denoisers: Denoisers, images: int) -> Iterator[Row]:
    unseen, seen = shown(index, denoisers)
    for snr in LEVELS:
        drawn = draw_images(index, unseen, STAIN, images, _SEED, snr)
        pictures = normalised(drawn)
        rows = {"as it is": pictures, "Wiener": wiener(drawn, pictures, wiener_filters(index, seen, snr))}
        rows |= {name: guesses(denoiser, pictures)[0] for name, denoiser in denoisers.items()}
        for name, found in rows.items():
            rank, named = [], []
            for pixel in np.unique(drawn.pixel_size_angstrom).tolist():
                of = np.flatnonzero(drawn.pixel_size_angstrom == pixel)
                share = propose_together(index, found[torch.from_numpy(of)], pixel).share
                truth_share = share[np.arange(len(of)), drawn.group[of]]
                rank += (share > truth_share[:, None]).sum(1).tolist()
                named += share.argmax(1).tolist()
            rank_of = np.array(rank)
            yield {
                "snr": snr,
                "method": name,
                "top1": (rank_of < 1).mean(),
                "top3": (rank_of < 3).mean(),
                "names a group of training": np.isin(named, seen).mean(),
            }


def matched(index: SearchIndex, denoisers: Denoisers, images: int) -> Iterator[Row]:
    unseen, seen = shown(index, denoisers)
    of_training = {index.groups[g].id for g in seen}
    for snr in LEVELS:
        drawn = draw_images(index, unseen, STAIN, images, _SEED, snr)
        pictures = normalised(drawn)
        rows = {"as it is": pictures}
        rows |= {name: guesses(denoiser, pictures)[0] for name, denoiser in denoisers.items()}
        for k in in_order_of_pixel_size(drawn):
            right = index.groups[int(drawn.group[k])].id
            for name, found in rows.items():
                reply = answer_image(index, found[k], float(drawn.pixel_size_angstrom[k]), top=3)
                named = [hit.group for hit in reply.hits]
                yield {
                    "snr": snr,
                    "method": name,
                    "top1": float(named[0] == right),
                    "top3": float(right in named),
                    "names a group of training": float(named[0] in of_training),
                    "in the database": reply.in_database_probability,
                    "called known": float(reply.in_database_probability > 0.5),
                }


def noise(index: SearchIndex, denoisers: Denoisers, images: int) -> Iterator[Row]:
    unseen, _ = shown(index, denoisers)
    for shows, snr in (("noise alone", 1e-6), ("particle, SNR 2", 2.0), ("particle, SNR 0.1", 0.1)):
        drawn = draw_images(index, unseen, STAIN, images, _SEED + 2, snr)
        pictures = normalised(drawn)
        rows = {"as it is": (pictures, torch.ones(len(pictures)))}
        rows |= {name: guesses(denoiser, pictures) for name, denoiser in denoisers.items()}
        for name, (found, strength) in rows.items():
            for k, picture in enumerate(found):
                reply = answer_image(index, picture, float(drawn.pixel_size_angstrom[k]), rerank=10)
                view = reply.hits[0].view
                yield {
                    "shows": shows,
                    "method": name,
                    "correlation of first hit": 0.0 if view is None else view.correlation,
                    "in the database": reply.in_database_probability,
                    "called known": float(reply.in_database_probability > 0.5),
                    "strength": float(strength[k]),
                }


def resemblance(index: SearchIndex, denoisers: Denoisers, images: int) -> Iterator[Row]:
    size_class = index.classes[1]
    unseen, seen = (
        [g for g in groups if index.groups[g].size_class == size_class.name]
        for groups in shown(index, denoisers)
    )
    spectra = _projections(index, seen, size_class.pixel_size_angstrom, size_class.box_px)
    for shows, snr in (("noise alone", 1e-6), ("particle, SNR 2", 2.0), ("particle, SNR 0.1", 0.1)):
        drawn = draw_images(index, unseen, STAIN, images, _SEED + 2, snr)
        pictures = normalised(drawn)
        rows = {"as it is": (pictures, torch.ones(len(pictures)))}
        rows |= {name: guesses(denoiser, pictures) for name, denoiser in denoisers.items()}
        clean = normalise(truth_of(index, drawn), torch.full((len(drawn),), size_class.box_px / 2))
        rows["clean"] = (clean, torch.ones(len(clean)))
        for name, (found, strength) in rows.items():
            for picture, of in zip(found, strength.tolist(), strict=True):
                yield {
                    "shows": shows,
                    "method": name,
                    "resemblance": _largest(picture, spectra),
                    "strength": of,
                }


def _projections(index: SearchIndex, groups: list[int], pixel: float, box: int) -> Tensor:
    """Return the conjugate spectra of unit projections, two directions a group and twelve in-plane angles each."""
    names = [index.groups[g].representative for g in groups]
    turns = quaternion_about_beam(np.arange(12) * 30.0)
    directions = random_quaternions(np.random.default_rng(1), 2 * len(names))
    quaternion = multiply_quaternions(turns[None], directions[:, None]).reshape(-1, 4)
    n = len(quaternion)
    drawn = index.simulator(names).projections(
        np.repeat(np.arange(len(names)), 24), clean_parameters(quaternion), np.full(n, pixel), box
    )
    unit = normalise(drawn, torch.full((n,), box / 2))
    spectra: Tensor = torch.fft.rfft2(unit / unit.square().sum((1, 2), keepdim=True).sqrt()).conj()
    return spectra


def _largest(picture: Tensor, spectra: Tensor) -> float:
    """Return the largest correlation over projections and shifts."""
    unit = torch.fft.rfft2(picture / picture.square().sum().sqrt().clamp_min(1e-9))
    return max(float(torch.fft.irfft2(unit * some, s=picture.shape).amax()) for some in spectra.split(512))


def summary(rows: list[Row], keys: tuple[str, ...]) -> str:
    """Return the means of all numbers by the values of some keys, as a table."""
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[key] for key in keys), []).append(row)
    names = list(dict.fromkeys(n for row in rows for n in row if n not in keys))
    lines = [" | ".join([*keys, "n", *names])]
    for values, own in groups.items():
        means = [np.mean([r[n] for r in own]) if all(n in r for r in own) else np.nan for n in names]
        lines.append(" | ".join([*map(str, values), str(len(own)), *(f"{m:.3f}" for m in means)]))
    return "\n".join(lines)


PARTS = {
    "truth": (truth, ("snr", "method")),
    "recognition": (recognition, ("snr", "method")),
    "matched": (matched, ("snr", "method")),
    "noise": (noise, ("shows", "method")),
    "resemblance": (resemblance, ("shows", "method")),
}


def main() -> None:
    """Run one part and print its table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--weights", required=True)
    parser.add_argument("--images", type=int, default=140)
    parser.add_argument("--index", type=Path, default=None)
    parser.add_argument("--out", type=Path, default=None)
    options = parser.parse_args()
    index = open_index(options.index)
    loaded = [load_denoiser(Path(path)) for path in options.weights.split(",")]
    denoisers = {denoiser.variant: denoiser for denoiser in loaded}
    run, keys = PARTS[options.part]
    rows = []
    for row in run(index, denoisers, options.images):
        rows.append(row)
        if options.out is not None:
            with options.out.open("a") as file:
                file.write(json.dumps(row, default=float) + "\n")
    print(summary(rows, keys))


if __name__ == "__main__":
    main()
