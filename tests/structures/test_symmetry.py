import gemmi
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from emsearch.structures.assembly import Assembly
from emsearch.structures.polymer import Piece, Polymer
from emsearch.structures.symmetry import point_group, point_group_of_rotations

GROUPS = ["C1", "C2", "C3", "C7", "C12", "C17", "D2", "D3", "D6", "D7", "D12", "T", "O", "I"]


def chain(seed: int, count: int = 60) -> NDArray[np.float64]:
    """Return a compact random chain, 3.8 A a step, away from the origin."""
    steps = np.random.default_rng(seed).normal(size=(count, 3))
    path = np.cumsum(3.8 * steps / np.linalg.norm(steps, axis=1)[:, None], axis=0)
    return np.asarray(path - path.mean(axis=0) + (45.0, 20.0, 15.0))


def polymer_of(chains: list[NDArray[np.float64]], sequences: list[str]) -> Polymer:
    position = np.concatenate(chains)
    ends = np.cumsum([len(points) for points in chains])
    count = len(position)
    return Polymer(
        centroid_angstrom=position,
        mass_da=np.full(count, 110.0),
        scattering_angstrom=np.full(count, 25.0),
        width_angstrom=np.ones(count),
        nucleic=np.zeros(count, np.bool_),
        heavy_atoms=np.ones(count),
        heavy_atoms_expected=np.ones(count),
        pieces=tuple(
            Piece(str(k), str(k), "1", int(end) - len(points), int(end), sequence, "protein")
            for k, (points, end, sequence) in enumerate(zip(chains, ends, sequences, strict=True))
        ),
    )


def placed(count: int, rotation: NDArray[np.float64], shift: NDArray[np.float64]) -> Assembly:
    copies = len(rotation)
    return Assembly(
        id="1",
        source="listed",
        piece=np.tile(np.arange(count), copies),
        rotation=np.repeat(rotation, count, axis=0),
        translation=np.repeat(shift, count, axis=0),
        notes=(),
    )


def letters(seed: int, count: int = 60) -> str:
    return "".join(np.random.default_rng(seed).choice(list("ACDEFGHIKLMNPQRSTVWY"), count))


@pytest.mark.parametrize("group", GROUPS)
def test_groups_are_named(group: str) -> None:
    assert point_group_of_rotations(Rotation.create_group(group).as_matrix()) == group


@pytest.mark.parametrize("group", GROUPS)
def test_operators_show_the_symmetry_anywhere_in_space(group: str) -> None:
    turn = Rotation.random(random_state=3).as_matrix()
    rotation = turn @ Rotation.create_group(group).as_matrix() @ turn.T
    centre = np.array([100.0, -50.0, 30.0])
    polymer = polymer_of([chain(1) + centre], [letters(1)])
    assembly = placed(1, rotation, centre - rotation @ centre)
    assert point_group(polymer, assembly, ["1"]) == group


def test_explicit_chains_with_noise_and_a_missing_loop() -> None:
    random = np.random.default_rng(5)
    turns = Rotation.create_group("D3").as_matrix()
    chains = [chain(2) @ turn.T + random.normal(0.0, 0.4, (60, 3)) for turn in turns]
    sequences = [letters(2)] * 6
    chains[4], sequences[4] = np.delete(chains[4], slice(20, 28), axis=0), letters(2)[:20] + letters(2)[28:]
    polymer = polymer_of(chains, sequences)
    assembly = placed(6, np.eye(3)[None], np.zeros((1, 3)))
    assert point_group(polymer, assembly, ["1"] * 6) == "D3"


def test_one_unlike_chain_breaks_the_symmetry() -> None:
    turns = Rotation.create_group("C4").as_matrix()
    chains = [chain(2) @ turn.T for turn in turns] + [chain(9)]
    polymer = polymer_of(chains, [letters(2)] * 4 + [letters(9)])
    assembly = placed(5, np.eye(3)[None], np.zeros((1, 3)))
    assert point_group(polymer, assembly, ["1"] * 4 + ["2"]) == "C1"


def test_a_helix_has_no_point_group() -> None:
    angles = np.radians(22.03 * np.arange(40))
    rotation = Rotation.from_rotvec(np.outer(angles, [0.0, 0.0, 1.0])).as_matrix()
    shift = np.outer(1.4 * np.arange(40), [0.0, 0.0, 1.0])
    polymer = polymer_of([chain(4)], [letters(4)])
    assert point_group(polymer, placed(1, rotation, shift), ["1"]) == "C1"


def test_gemmi_is_asked_for_alignments() -> None:
    result = gemmi.align_string_sequences(list("ACDEF"), list("ACEF"), [])
    assert result.cigar_str() == "2M1I2M"
