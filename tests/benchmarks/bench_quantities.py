"""How well mass, size, shape and stain are read off images of molecules that the head was not fitted on.

    python tests/benchmarks/bench_quantities.py [--images 20000] [--loop 60] [--index DIR] [--features FILE]

Draws images of all groups with every nuisance, fits a head without a fifth of the groups (a fifth of the others sets its
intervals), and prints

single: for that fifth and for the rest, by noise, the median error, how often the interval holds the truth, and what the
median of all molecules would be off;
words: of that fifth, by noise, precision and recall of the words for the shape;
sets: of ten images of one molecule of that fifth each, the same as single of what they show together, and which share of the
variance they have in common;
loop (with --loop N): N images of that fifth at SNR 10 and as many at 2, matched with their own group struck: the errors of
the head, of the matched look-alikes, and of both together.

The network itself was trained on all groups. --features keeps the images' features, or takes them if they are there.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from emsearch.batch.set_quantities import together
from emsearch.evaluation.quantities import (
    QuantityImages,
    dmax_of,
    draw_quantity_images,
    held_out_groups,
    quantities_of,
)
from emsearch.evaluation.queries import ask
from emsearch.evaluation.simulated import STAIN, SimulatedImages, draw_images
from emsearch.network.quantities import QUANTITIES, QuantityHead, fit_head, from_pixels, read, to_pixels
from emsearch.search.answering import Matched
from emsearch.search.engine import SearchIndex, open_index
from emsearch.search.matching import MatchingSettings
from emsearch.search.prepare import centre_of_particle_px, frame
from emsearch.search.shape_words import SHAPE_WORDS, shape_word
from emsearch.search.shortlist import SHORTLIST

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

LEVELS = ((5.0, np.inf), (1.0, 5.0), (0.3, 1.0), (0.0, 0.3))
SIZED = 4  # the first quantities are compared as logarithms
TEMPERATURES = (1.0, 0.3, 0.1)


def relative(off: Floats) -> Floats:
    """Return errors (n, 6) as shares of the truth, but for fill and hollow."""
    return np.column_stack([np.expm1(np.abs(off[:, :SIZED])), np.abs(off[:, SIZED:])])


def logs(quantities: Floats) -> Floats:
    """Return quantities (n, 6) as they are compared."""
    return to_pixels(quantities, np.ones(len(quantities)))


def row(*cells: object) -> None:
    """Print a row of a table."""
    print(f"| {' | '.join(map(str, cells))} |", flush=True)


def print_errors(head: QuantityHead, drawn: QuantityImages, which: Bools, name: str) -> None:
    """Print a row a noise level of what the head is off on some images."""
    said = read(head, drawn.features, 1)
    off = drawn.target - said.mean
    truth = logs(drawn.truth)
    for low, high in LEVELS:
        some = which & (drawn.parameters.snr >= low) & (drawn.parameters.snr < high)
        if not some.any():
            continue
        error = np.median(relative(off[some]), axis=0)
        held = (np.abs(off[some]) <= said.half[some]).mean(0)
        guess = np.median(relative(truth[some] - np.median(truth, axis=0)), axis=0)
        cells = [f"{e:.2f} / {h:.2f} / {g:.2f}" for e, h, g in zip(error, held, guess, strict=True)]
        row(name, f"{low:g} to {high:g}", some.sum(), *cells)


def words_of(quantities: Floats) -> NDArray[np.str_]:
    """Return the word for each of some quantities (n, 6), empty where there is none."""
    return np.array([shape_word(q[2] / q[3], q[5]) or "" for q in quantities])


def print_words(head: QuantityHead, drawn: QuantityImages, which: Bools) -> None:
    """Print how often a word is right when it is said, and said where it is right."""
    said = words_of(from_pixels(read(head, drawn.features, 1).mean, drawn.pixel_size_angstrom))
    true = words_of(drawn.truth)
    for word in SHAPE_WORDS:
        cells = []
        for low, high in LEVELS:
            some = which & (drawn.parameters.snr >= low) & (drawn.parameters.snr < high)
            right = (some & (said == word) & (true == word)).sum()
            spoken, there = (some & (said == word)).sum(), (some & (true == word)).sum()
            cells.append(f"{right / max(spoken, 1):.2f} / {right / max(there, 1):.2f} ({there})")
        row(word, f"{(which & (true == word)).sum() / which.sum():.2f}", *cells)


def print_sets(head: QuantityHead, drawn: QuantityImages, which: Bools, size: int = 10) -> None:
    """Print what sets of one molecule's images show together."""
    said = read(head, drawn.features, 1)
    off = (drawn.target - said.mean) / said.half
    limits = (
        from_pixels(v, drawn.pixel_size_angstrom)
        for v in (said.mean, said.mean - said.half, said.mean + said.half)
    )
    intervals = np.stack(list(limits), axis=2)
    errors, held, common = [], [], []
    for group in np.unique(drawn.group[which]).tolist():
        own = np.flatnonzero(drawn.group == group)
        for number in np.unique(drawn.truth[own, 0]).tolist():  # members of a group have masses of their own
            rows = own[drawn.truth[own, 0] == number]
            for some in (rows[k : k + size] for k in range(0, len(rows) - size + 1, size)):
                found = together(intervals[some])
                assert found is not None
                of = np.array([getattr(found, name).__getstate__() for name in QUANTITIES])
                truth = np.median(logs(drawn.truth[some]), axis=0)
                errors.append(truth - logs(of[None, :, 0])[0])
                low, high = logs(of[None, :, 1])[0], logs(of[None, :, 2])[0]
                held.append((truth >= low - 1e-9) & (truth <= high + 1e-9))
                mean = off[some].mean(0)
                within = off[some].var(0, ddof=1)
                common.append(np.stack([mean**2 - within / size, within]))
    if not common:
        print(f"too few images for sets of {size}; draw more")
        return
    between, within = np.mean(common, axis=0)
    row("median error", len(errors), *(f"{e:.2f}" for e in np.median(relative(np.array(errors)), axis=0)))
    row("held", len(errors), *(f"{h:.2f}" for h in np.mean(held, axis=0)))
    row("variance in common", len(errors), *(f"{s:.2f}" for s in between / (between + within)))


def seen(index: SearchIndex, head: QuantityHead, test: SimulatedImages, k: int) -> tuple[Floats, Floats]:
    """Return what the head reads in image k, compared as `logs`, and the half widths."""
    image = test.images[k : k + 1]
    estimated = centre_of_particle_px(image)
    centre = torch.cat([torch.zeros_like(estimated), estimated])
    said = read(head, index.features(frame(image, 1.0, image.shape[-1], centre).images).cpu(), 2)
    return logs(from_pixels(said.mean, test.pixel_size_angstrom[k : k + 1]))[0], said.half[0]


def posed(index: SearchIndex, matched: Matched) -> Floats:
    """Return the quantities of a candidate as it was posed and scaled to explain the image, compared as `logs`."""
    pose, model = matched.match.pose, index.library.model(matched.candidate.structure)
    found = logs(quantities_of(model, dmax_of(model), pose.quaternion, pose.fill)[None])[0]
    return np.asarray(found + np.log(pose.scale) * np.array([3, 1, 1, 1, 0, 0]))


def asked(index: SearchIndex, head: QuantityHead, test: SimulatedImages, k: int) -> dict[str, Any]:
    """Return everything that is known of image k: truth, the head, candidates without the image's own group."""
    own, every = int(test.group[k]), frozenset(range(len(index.groups)))
    found = ask(index, test, k, every, rerank=SHORTLIST, settings=MatchingSettings(), struck=own)
    fitted = [(m, score) for m, score in zip(found.matched, found.score, strict=True) if m.match.fitted]
    fitted.sort(key=lambda entry: -entry[1])
    others = [entry for entry in fitted if entry[0].candidate.group != own][:40]
    model = index.library.model(test.subject[k].structure)
    p = test.parameters
    truth = quantities_of(model, dmax_of(model), p.quaternion[k], float(p.fill[k]))
    mean, half = seen(index, head, test, k)
    return {
        "truth": logs(truth[None])[0],
        "head": mean,
        "sd": half / 1.645,
        "known": posed(index, fitted[0][0]),
        "candidates": np.stack([posed(index, m) for m, _ in others]),
        "score": np.array([score for _, score in others]),
    }


def posterior(case: dict[str, Any], temperature: float, *, with_head: bool) -> Floats:
    """Return the mean over candidates, weighted by match, and by what the head says of their sizes where that is asked."""
    weight = temperature * case["score"]
    if with_head:
        off = (case["candidates"] - case["head"]) / case["sd"]
        weight = weight - 0.5 * (off[:, :SIZED] ** 2).mean(axis=1)
    share = np.exp(weight - weight.max())
    return np.asarray(share @ case["candidates"] / share.sum())


def print_loop(
    index: SearchIndex, head: QuantityHead, groups: NDArray[np.int64], images: int, seed: int
) -> None:
    """Print errors of head, look-alikes and both, at two noise levels."""
    for snr in (10.0, 2.0):
        test = draw_images(index, groups.tolist(), STAIN, images, seed, snr)
        cases = [asked(index, head, test, k) for k in range(len(test))]
        truth = np.stack([case["truth"] for case in cases])
        heads = np.stack([case["head"] for case in cases])
        ways = {"head": heads, "best look-alike": np.stack([case["candidates"][0] for case in cases])}
        for t in TEMPERATURES:
            plain = np.stack([posterior(case, t, with_head=False) for case in cases])
            ways[f"look-alikes, scores x {t:g}"] = plain
            ways[f"look-alikes, scores x {t:g}, and sizes by the head"] = np.stack(
                [posterior(case, t, with_head=True) for case in cases]
            )
            ways[f"half head, half look-alikes x {t:g}"] = (heads + plain) / 2
        ways["best match, own group in the list"] = np.stack([case["known"] for case in cases])
        for name, said in ways.items():
            error = np.median(relative(truth - said), axis=0)
            row(f"{snr:g}", name, len(cases), *(f"{e:.2f}" for e in error))
        off = {name: truth - ways[name] for name in ("head", f"look-alikes, scores x {TEMPERATURES[1]:g}")}
        both = [np.corrcoef(a, b)[0, 1] for a, b in zip(*(o.T for o in off.values()), strict=True)]
        row(
            f"{snr:g}",
            "correlation of the errors of head and look-alikes",
            len(cases),
            *(f"{c:.2f}" for c in both),
        )


def drawn_images(index: SearchIndex, images: int, seed: int, kept: Path | None) -> QuantityImages:
    """Draw images, or take those that were kept."""
    if kept is not None and kept.exists():
        found: QuantityImages = torch.load(kept, weights_only=False)
        return found
    drawn = draw_quantity_images(index, range(len(index.groups)), images, seed, report=print)
    if kept is not None:
        torch.save(drawn, kept)
    return drawn


def main() -> None:
    """Draw, fit, measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--loop", type=int, default=0)
    parser.add_argument("--index", type=Path, default=None)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--features", type=Path, default=None)
    options = parser.parse_args()
    index = open_index(options.index)
    drawn = drawn_images(index, options.images, options.seed, options.features)
    unseen = np.isin(drawn.group, held_out_groups(index, options.seed + 1))
    width = np.isin(drawn.group, held_out_groups(index, options.seed)) & ~unseen
    head = fit_head(drawn.features[torch.from_numpy(~unseen)].float(), drawn.target[~unseen], width[~unseen])
    print(f"index {index.generation.name}")
    row("groups", "SNR", "images", *QUANTITIES)
    print_errors(head, drawn, unseen, "not seen")
    print_errors(head, drawn, ~unseen & ~width, "fitted")
    row("word", "share", *(f"SNR {low:g} to {high:g}" for low, high in LEVELS))
    print_words(head, drawn, unseen)
    row("sets of 10", "sets", *QUANTITIES)
    print_sets(head, drawn, unseen)
    if options.loop:
        row("SNR", "estimate", "images", *QUANTITIES)
        print_loop(index, head, held_out_groups(index, options.seed + 1), options.loop, options.seed)


if __name__ == "__main__":
    main()
