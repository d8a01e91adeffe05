"""Pruning keeps whatever could be one shape, whatever the order of the structures."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from emsearch.shapes.candidates import PruningSettings, ShapeDescriptor, candidate_pairs, describe_shape
from emsearch.shapes.prepared import prepare_shape
from emsearch.structures.beads import BeadModel

Make = Callable[..., BeadModel]


def descriptors(count: int, seed: int = 0) -> list[ShapeDescriptor]:
    rng = np.random.default_rng(seed)
    return [
        ShapeDescriptor(
            f"s{k:04d}",
            float(rng.uniform(1e5, 3e5)),
            bool(rng.uniform() < 0.1),
            np.sort(rng.uniform(20.0, 40.0, 3))[::-1],
            np.sort(rng.uniform(0.2, 1.6, 16)),
            f"c{rng.integers(5)}" if rng.uniform() < 0.3 else "",
        )
        for k in range(count)
    ]


def test_a_moved_copy_is_always_a_candidate(blob: Make, moved: Make) -> None:
    rng = np.random.default_rng(2)
    models = [blob(seed, tuple(rng.uniform(35, 60, 3))) for seed in range(30)]
    copies = [
        moved(model, Rotation.random(random_state=k).as_matrix(), rng.normal(size=3) * 50, bool(k % 2))
        for k, model in enumerate(models)
    ]
    described = [
        describe_shape(f"s{k}", float(model.mass_da.sum()), prepare_shape(model))
        for k, model in enumerate(models + copies)
    ]
    pairs = {tuple(pair) for pair in candidate_pairs(described, PruningSettings(neighbours=1)).tolist()}
    assert {(k, k + 30) for k in range(30)} <= pairs


def test_pairs_are_those_of_an_exhaustive_search() -> None:
    table = descriptors(120)
    expected = set()
    for i, a in enumerate(table):
        for j, b in enumerate(table[:i]):
            with_map = a.is_map or b.is_map
            ratio = np.maximum(
                a.extents_angstrom / b.extents_angstrom, b.extents_angstrom / a.extents_angstrom
            )
            mass = max(a.mass_da, b.mass_da) / min(a.mass_da, b.mass_da)
            if ratio.max() <= (1.2 if with_map else 1.1) and (with_map or mass <= 1.25):
                expected.add((j, i))
    pairs = candidate_pairs(table, PruningSettings(neighbours=120))
    assert {tuple(pair) for pair in pairs.tolist()} == expected
    assert len(pairs) == len(expected)


def test_order_of_the_structures_does_not_matter() -> None:
    table = descriptors(200)
    table += [replace(descriptor, id=f"copy-{descriptor.id}") for descriptor in table]  # ties in distance

    def named(order: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> set[frozenset[str]]:
        shuffled = [table[k] for k in order]
        pairs = candidate_pairs(shuffled, PruningSettings(neighbours=3))
        assert np.all(pairs[:, 0] < pairs[:, 1])
        return {frozenset((shuffled[i].id, shuffled[j].id)) for i, j in pairs.tolist()}

    assert named(np.arange(400)) == named(np.random.default_rng(1).permutation(400))


def test_structures_of_one_composition_come_first_and_have_places_of_their_own() -> None:
    base = descriptors(1)[0]
    table = [replace(base, id=f"s{k}", composition="A2B2" if k < 6 else "", is_map=False) for k in range(40)]
    pairs = candidate_pairs(table, PruningSettings(neighbours=5))
    assert {tuple(pair) for pair in pairs[:15].tolist()} == {(i, j) for j in range(6) for i in range(j)}
    assert not np.any((pairs[15:] < 6).all(axis=1))


def test_a_map_needs_no_mass() -> None:
    base = replace(descriptors(1)[0], is_map=False)
    wider = replace(base, id="m", is_map=True, mass_da=0.0, extents_angstrom=base.extents_angstrom * 1.18)
    assert candidate_pairs([base, wider]).tolist() == [[0, 1]]
    assert candidate_pairs([base, replace(wider, is_map=False, mass_da=base.mass_da)]).tolist() == []


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_structures_make_no_pairs(count: int) -> None:
    assert candidate_pairs(descriptors(count)).shape == (0, 2)
