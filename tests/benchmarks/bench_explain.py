"""Are explanations true? Where they look, what they are worth, and whether a planted lobe is found.

    python tests/benchmarks/bench_explain.py planted|variants|confirmed|methods|shuffled [--images 8] [--snr 10,2,0.5]

planted: a structure of the index and the same without one lobe (15 % of its beads), matched with images of the whole from
many directions. Prints how well the log-likelihood by pixel, observed and expected, finds the lobe (area under the ROC
curve over the pixels of the particle, and over those of the picture; random is 0.5), how often the whole won, and the same
over beads once the maps of all images are carried back onto the structure.

variants, methods: images of groups that the network takes for each other, the truth being where the two posed projections
differ in the image without noise, among the pixels in which either shows. Prints for every kind of class activation map,
or for every method, the area, and those of deletion and insertion; for methods their rank correlations too.

confirmed: the two kinds that came first among variants in one run or another, on other images.

shuffled: rank correlation of maps with those of a network whose last parts were shuffled.

With --out each row is also written as a line of JSON.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from emsearch.evaluation.simulated import STAIN, draw_images
from emsearch.explanation.carrying import carry_to_beads
from emsearch.explanation.case import Case, Picture, case_of
from emsearch.explanation.class_activation import (
    GRADIENT_KINDS,
    activation_map,
    dense_network,
    gradient_map,
    shifted_map,
)
from emsearch.explanation.faithfulness import SHUFFLED, faithfulness, shuffled_network
from emsearch.explanation.maps import (
    disc_mask,
    edge_map,
    localisation,
    random_map,
    rank_correlation,
    smoothed,
)
from emsearch.explanation.match_map import account, match_map, poses_of
from emsearch.explanation.methods import NETWORK_METHODS, fine_map, match_of, network_map, to_target_frame
from emsearch.explanation.network_score import NetworkScore
from emsearch.explanation.perturbing import background_of
from emsearch.explanation.picture import posed_hit
from emsearch.explanation.planted import projected_lobe, without_lobe
from emsearch.imaging.cloud import BeadCloud
from emsearch.imaging.normalise import normalise
from emsearch.imaging.parameters import clean_parameters
from emsearch.imaging.rotations import random_quaternions
from emsearch.imaging.simulate import Simulator
from emsearch.network.model import ShapeNetwork
from emsearch.search.coarse_views import CoarseViews
from emsearch.search.engine import SearchIndex, open_index
from emsearch.search.image_model import drawing_parameters
from emsearch.search.library import StructureLibrary
from emsearch.search.matching import match
from emsearch.search.target import Target

Floats = NDArray[np.float64]
Row = dict[str, Any]
Draw = Callable[[NetworkScore], Floats]
Maps = dict[str, Draw]

SIGMA_PX = 1.5
PLANTED = ("6cvm", "1aon", "4v5a")
_DIFFERENT = 0.25  # of the largest squared difference
_SHOWN = 0.15  # of a projection's peak


@dataclass(frozen=True, slots=True)
class Truth:
    """Pixels (box, box) in which hit and rival differ, among those in which either shows."""

    differ: NDArray[np.bool_]
    shown: NDArray[np.bool_]


def planted(index: SearchIndex, images: int, levels: list[float]) -> Iterator[Row]:
    """Yield a row an image, level and structure, and one for the beads after all images."""
    for name in PLANTED:
        model = index.library.model(name)
        pair = without_lobe(model)
        library = StructureLibrary({"whole": pair.whole, "rest": pair.rest})
        views = CoarseViews(library)
        group = next(g for g in index.groups if name in g.members)
        pixel = next(c.pixel_size_angstrom for c in index.classes if c.name == group.size_class)
        box = index.classes[0].box_px
        drawn = clean_parameters(random_quaternions(np.random.default_rng(5), images))
        lobes = projected_lobe(pair, drawn, pixel, box)
        simulator = Simulator(BeadCloud.from_models([pair.whole]))
        structure, pixels = np.zeros(images, np.int64), np.full(images, pixel)
        bare = simulator.projections(structure, drawn, pixels, box).numpy()
        shown = bare > _SHOWN * bare.max((1, 2), keepdims=True)
        for snr in levels:
            parameters = drawn.with_values(snr=snr)
            shot = simulator.micrographs(structure, parameters, pixels, box, 11)
            framed = normalise(shot.micrographs, torch.full((images,), box / 2))
            beads: dict[str, Floats] = {}
            for k, image in enumerate(framed):
                target = Target.measured(image, box / 2, pixel)
                whole, rest = match([(target, ["whole", "rest"])], views)[0]
                found = match_map(
                    account(target, library.simulator(["whole"]), whole.pose),
                    account(target, library.simulator(["rest"]), rest.pose),
                )
                disc = disc_mask(box, box / 2)
                maps = {
                    "observed, smoothed": smoothed(found.evidence, SIGMA_PX),
                    "observed": found.evidence,
                    "expected": found.expected,
                    "edges": edge_map(image.numpy()),
                    "random": random_map(box, SIGMA_PX, k),
                }
                areas = {what: localisation(m, lobes[k], shown[k]) for what, m in maps.items()}
                wide = {f"{what}, picture": localisation(m, lobes[k], disc) for what, m in maps.items()}
                drawing = drawing_parameters(poses_of(whole.pose), pixel)
                for what, m in maps.items():
                    carried = carry_to_beads(m, pair.whole, drawing, pixel).beads
                    beads[what] = beads.get(what, np.zeros(len(pair.whole))) + carried
                row = {"structure": name, "snr": snr, "log_likelihood": found.log_likelihood}
                yield {**row, "kind": "image", "won": found.log_likelihood > 0, **areas, **wide}
            everywhere = np.ones(len(pair.whole), np.bool_)
            areas = {what: localisation(b, pair.lobe, everywhere) for what, b in beads.items()}
            yield {"structure": name, "snr": snr, "kind": "beads", "images": images, **areas}


def confused(index: SearchIndex, count: int, size_class: str = "d130-320") -> list[tuple[int, int]]:
    """Return pairs of groups of a class whose directions in the network lie next to each other, no group twice."""
    own = np.array([g.size_class == size_class for g in index.groups])
    proxies = torch.nn.functional.normalize(index.network.proxies.detach(), dim=1).cpu().numpy()
    cosine = np.where(own[:, None] & own[None], proxies @ proxies.T, -2)
    np.fill_diagonal(cosine, -2)
    pairs: list[tuple[int, int]] = []
    for flat in np.argsort(-cosine, axis=None):
        a, b = divmod(int(flat), len(own))
        if len(pairs) < count and not {a, b} & {g for pair in pairs for g in pair}:
            pairs.append((a, b))
    return pairs


def network_maps(image: Tensor, dense: ShapeNetwork) -> Maps:
    """Return every kind of class activation map of an image (box, box)."""
    box = image.shape[-1]

    def of_stage(stage: int, kind: Any) -> Draw:
        return lambda score: fine_map(gradient_map(score, image, stage, kind), box)

    maps: Maps = {
        "last maps, exact": lambda score: fine_map(activation_map(score, image).map, box),
        "last maps, dense": lambda score: fine_map(activation_map(score.with_network(dense), image).map, box),
        "last maps, shifted": lambda score: shifted_map(score, image, step_px=8),
    }
    return maps | {f"{kind}, stage {s}": of_stage(s, kind) for s in (1, 2, 3) for kind in GRADIENT_KINDS}


def cases(
    index: SearchIndex, images: int, levels: list[float], seed: int = 3
) -> Iterator[tuple[float, Case, Truth]]:
    """Yield images of groups, each with a neighbour as its rival, and where the two differ, at each level."""
    pairs = confused(index, images)
    rival = dict(pairs)
    truths: dict[int, Truth] = {}
    for snr in [np.inf, *levels]:
        drawn = draw_images(index, [a for a, _ in pairs], STAIN, images, seed, snr)
        for k, image in enumerate(drawn.images):
            a = int(drawn.group[k])
            case = case_of(index, Picture(image, float(drawn.pixel_size_angstrom[k])), a, rival[a])
            if np.isinf(snr):
                truths[k] = truth_of(index, case)
            else:
                yield snr, case, truths[k]


def truth_of(index: SearchIndex, case: Case) -> Truth:
    """Return where the two projections differ in an image without noise, and where either of them shows."""
    assert case.rival is not None
    differ = smoothed(match_of(index, case).expected, SIGMA_PX)
    drawn = (posed_hit(index, case.hit, case.target), posed_hit(index, case.rival, case.rival_target))
    return Truth(differ > _DIFFERENT * differ.max(), np.any([d > _SHOWN * d.max() for d in drawn], axis=0))


def measured(case: Case, truth: Truth, name: str, draw: Draw) -> Row:
    """Return what one kind of map of one case is worth."""
    framed = case.framed
    start = time.perf_counter()
    relevance = draw(case.score)
    seconds = time.perf_counter() - start
    seen = disc_mask(framed.image.shape[-1], framed.aperture_px)
    empty = background_of(framed.image, framed.aperture_px)
    curves = faithfulness(case.score.chance, framed.image, empty, relevance, seen)
    moved = to_target_frame(relevance, framed, case)
    return {
        "map": name,
        "area": localisation(moved, truth.differ, truth.shown),
        "area of size": localisation(np.abs(moved), truth.differ, truth.shown),
        "deletion": curves.deletion,
        "insertion": curves.insertion,
        "between": curves.between,
        "seconds": seconds,
    }


def baselines(image: Tensor) -> Maps:
    """Return maps that know nothing of the network."""
    edges, noise = edge_map(image.double().numpy()), random_map(image.shape[-1], SIGMA_PX, 0)
    return {"edges": lambda score: edges, "random": lambda score: noise}


def variants(index: SearchIndex, images: int, levels: list[float]) -> Iterator[Row]:
    """Yield a row an image, level and kind of class activation map."""
    dense = dense_network(index.network)
    for snr, case, truth in cases(index, images, levels):
        maps = network_maps(case.framed.image, dense) | baselines(case.framed.image)
        for name, draw in maps.items():
            yield {"snr": snr, **measured(case, truth, name, draw)}


def confirmed(index: SearchIndex, images: int, levels: list[float]) -> Iterator[Row]:
    """Yield the same for two kinds alone, on images that neither was chosen by."""
    dense = dense_network(index.network)
    for snr, case, truth in cases(index, images, levels, seed=17):
        maps = network_maps(case.framed.image, dense)
        chosen = {name: maps[name] for name in ("last maps, dense", "hires-cam, stage 1")}
        for name, draw in (chosen | baselines(case.framed.image)).items():
            yield {"snr": snr, **measured(case, truth, name, draw)}


def methods(index: SearchIndex, images: int, levels: list[float]) -> Iterator[Row]:
    """Yield a row an image, level and method."""
    for snr, case, truth in cases(index, images, levels):
        maps: Maps = {
            method: partial(network_map, frame=case.framed, method=method) for method in NETWORK_METHODS
        }
        moved = {}
        for name, draw in (maps | baselines(case.framed.image)).items():
            found = draw(case.score)
            moved[name] = to_target_frame(found, case.framed, case)
            yield {"snr": snr, **measured(case, truth, name, partial(_again, found))}
        match = match_of(index, case)
        for name, found in (
            ("match", smoothed(match.evidence, SIGMA_PX)),
            ("match, expected", match.expected),
        ):
            moved[name] = found
            area, size = (localisation(m, truth.differ, truth.shown) for m in (found, np.abs(found)))
            yield {"snr": snr, "map": name, "area": area, "area of size": size}
        disc = disc_mask(case.target.box_px, case.target.aperture_px)
        for a, b in combinations(("match", *NETWORK_METHODS), 2):
            rho = rank_correlation(moved[a], moved[b], disc)
            yield {"snr": snr, "map": f"{a} and {b}", "rank correlation": rho}
        odds = float(case.score(case.framed.image[None]))
        yield {
            "snr": snr,
            "map": "answer",
            "network right": odds > 0,
            "match right": match.log_likelihood > 0,
        }


def _again(found: Floats, score: NetworkScore) -> Floats:
    return found


def shuffled(index: SearchIndex, images: int, levels: list[float]) -> Iterator[Row]:
    """Yield a row an image, method and depth of shuffling."""
    networks = {part: shuffled_network(index.network, part, seed=1) for part in SHUFFLED}
    for snr, case, _ in cases(index, images, levels[:1]):
        seen = disc_mask(case.framed.image.shape[-1], case.framed.aperture_px)
        for method in ("cam", "lime", "shap"):
            own = network_map(case.score, case.framed, method)
            for part, other in networks.items():
                found = network_map(case.score.with_network(other), case.framed, method)
                yield {
                    "snr": snr,
                    "map": method,
                    "down to": part,
                    "correlation": rank_correlation(own, found, seen),
                    "of sizes": rank_correlation(np.abs(own), np.abs(found), seen),
                }


def summary(rows: list[Row], keys: tuple[str, ...]) -> str:
    """Return the means of all numbers by the values of some keys, as a table."""
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row.get(key) for key in keys), []).append(row)
    names = list(dict.fromkeys(n for row in rows for n in row if n not in keys))
    names = [n for n in names if isinstance(next(r[n] for r in rows if n in r), int | float)]
    lines = [" | ".join([*keys, "n", *names])]
    for values, own in groups.items():
        means = [
            np.nanmean([r.get(n, np.nan) for r in own]) if any(n in r for r in own) else np.nan for n in names
        ]
        lines.append(" | ".join([*map(str, values), str(len(own)), *(f"{m:.3f}" for m in means)]))
    return "\n".join(lines)


PARTS = {
    "planted": (planted, ("structure", "kind", "snr")),
    "variants": (variants, ("snr", "map")),
    "confirmed": (confirmed, ("snr", "map")),
    "methods": (methods, ("snr", "map")),
    "shuffled": (shuffled, ("map", "down to")),
}


def main() -> None:
    """Run one part and print its table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--images", type=int, default=8)
    parser.add_argument("--snr", default="10,2,0.5")
    parser.add_argument("--index", type=Path, default=None)
    parser.add_argument("--out", type=Path, default=None)
    options = parser.parse_args()
    index = open_index(options.index)
    run, keys = PARTS[options.part]
    rows = []
    for row in run(index, options.images, [float(level) for level in options.snr.split(",")]):
        rows.append(row)
        if options.out is not None:
            with options.out.open("a") as file:
                file.write(json.dumps(row, default=float) + "\n")
    print(summary(rows, keys))


if __name__ == "__main__":
    main()
