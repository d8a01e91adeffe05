from collections.abc import Callable

import gemmi
import numpy as np
import pytest

from emsearch.structures.assembly import Assembly, assemble
from emsearch.structures.assembly_records import mmcif_assemblies, operator_names, pdb_assemblies
from emsearch.structures.errors import StructureError
from emsearch.structures.polymer import Polymer, polymer_beads

ONE = ("1", (1, 0, 0, 0, 1, 0, 0, 0, 1), (0.0, 0.0, 0.0))
TURN = ("2", (-1, 0, 0, 0, -1, 0, 0, 0, 1), (0.0, 0.0, 0.0))
MOVE = ("3", (1, 0, 0, 0, 1, 0, 0, 0, 1), (0.0, 0.0, 40.0))
Built = tuple[Assembly, Polymer]


@pytest.fixture
def build(compose_mmcif: Callable[..., str], make_helix: Callable[..., list[object]]) -> Callable[..., Built]:
    def built(
        assemblies: list[tuple[str, str]], generators: list[tuple[str, str, str]], *more: object
    ) -> Built:
        atoms = make_helix("A", "1", ["ALA"] * 10, (20, 0, 0)) + make_helix("B", "2", ["LEU"] * 8, (40, 0, 0))
        text = compose_mmcif(atoms, assemblies, generators, [ONE, TURN, MOVE, *more])
        block = gemmi.cif.read_string(text).sole_block()
        records = mmcif_assemblies(block, "test.cif")  # first, since gemmi expands any range in memory
        polymer = polymer_beads(gemmi.make_structure_from_block(block))
        assert polymer is not None
        return assemble(records, polymer), polymer

    return built


@pytest.mark.parametrize(
    ("details", "chosen", "source"),
    [
        (["software_defined_assembly", "author_defined_assembly"], "2", "author_defined"),
        (
            ["author_defined_assembly", "author_and_software_defined_assembly"],
            "2",
            "author_and_software_defined",
        ),
        (["complete icosahedral assembly", "author_defined_assembly"], "2", "author_defined"),
        (["software_defined_assembly", "complete icosahedral assembly"], "2", "complete_icosahedral"),
        (["software_defined_assembly", "complete point assembly"], "2", "complete_point"),
        (["software_defined_assembly", "representative helical assembly"], "2", "representative_helical"),
        (["representative helical assembly", "complete point assembly"], "2", "complete_point"),
        (["software_defined_assembly", "software_defined_assembly"], "1", "software_defined"),
        (["?", "software_defined_assembly"], "2", "software_defined"),
        (["?", "?"], "1", "listed"),
        (["crystal asymmetric unit", "?"], "2", "listed"),
    ],
)
def test_preference_order(build: Callable[..., Built], details: list[str], chosen: str, source: str) -> None:
    names = [(str(index), text) for index, text in enumerate(details, start=1)]
    assembly, _ = build(names, [(name, "1", "A") for name, _ in names])
    assert (assembly.id, assembly.source) == (chosen, source)


def test_without_assembly_the_deposited_model_is_flagged(build: Callable[..., Built]) -> None:
    assembly, polymer = build([], [])
    assert assembly.source == "deposited"
    assert len(assembly.piece) == len(polymer.pieces) == 2
    assert "deposited model" in assembly.notes[0]


def test_each_chain_may_have_its_own_operators(build: Callable[..., Built]) -> None:
    # as in 5ZNG: two generators of one assembly, another operator for each chain
    assembly, _ = build([("1", "author_defined_assembly")], [("1", "1", "A"), ("1", "2", "B")])
    assert assembly.piece.tolist() == [0, 1]
    np.testing.assert_array_equal(assembly.rotation[1], np.diag([-1.0, -1.0, 1.0]))


def test_one_generator_row_an_operator(build: Callable[..., Built]) -> None:
    # as in 4ZXB: all chains, once a row
    assembly, _ = build([("1", "author_defined_assembly")], [("1", "1", "A,B"), ("1", "2", "A,B")])
    assert assembly.piece.tolist() == [0, 1, 0, 1]


def test_many_operators_in_one_row_and_rows_of_different_length(build: Callable[..., Built]) -> None:
    # as in 1BEN, assembly 4
    assembly, _ = build([("4", "author_defined_assembly")], [("4", "1,2,3", "A"), ("4", "2,3", "B")])
    assert np.bincount(assembly.piece).tolist() == [3, 2]


def test_products_apply_the_right_hand_operator_first(build: Callable[..., Built]) -> None:
    side = ("4", (1, 0, 0, 0, 1, 0, 0, 0, 1), (7.0, 0.0, 0.0))
    assembly, _ = build([("1", "?")], [("1", "(1,2)(4)", "A")], side)
    np.testing.assert_allclose(assembly.translation, [[7, 0, 0], [-7, 0, 0]])


def test_operators_listed_twice_fill_a_place_once(build: Callable[..., Built]) -> None:
    assembly, _ = build([("1", "author_defined_assembly")], [("1", "1,2", "A"), ("1", "1", "A,B")])
    assert np.bincount(assembly.piece).tolist() == [2, 1]
    assert "1 overlapping chain copies" in assembly.notes[0]


@pytest.mark.parametrize(
    "matrix", [(1, 0, 0, 0, 1, 0, 0, 0, -1), (2, 0, 0, 0, 1, 0, 0, 0, 1), (0, 0, 0, 0, 0, 0, 0, 0, 0)]
)
def test_operators_that_are_no_rotation(build: Callable[..., Built], matrix: tuple[int, ...]) -> None:
    bad = ("4", matrix, (0.0, 0.0, 0.0))
    assembly, _ = build([("1", "author_defined_assembly")], [("1", "4", "A")], bad)
    assert assembly.source == "deposited"
    assert "not rigid" in assembly.notes[0]


def test_assembly_of_absent_chains_only(build: Callable[..., Built]) -> None:
    assembly, _ = build([("1", "author_defined_assembly")], [("1", "1", "Z")])
    assert assembly.source == "deposited"
    assert "names no polymer" in assembly.notes[0]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("1", [("1",)]),
        ("(1)", [("1",)]),
        ("1,P,3-5", [("1",), ("P",), ("3",), ("4",), ("5",)]),
        ("(1-2,P)(X0)", [("1", "X0"), ("2", "X0"), ("P", "X0")]),
        ("P,(1,2)(3)", [("P",), ("1", "3"), ("2", "3")]),
    ],
)
def test_operator_expressions(expression: str, expected: list[tuple[str, ...]]) -> None:
    assert operator_names(expression) == expected


def test_the_product_of_1m4x_has_1680_operators() -> None:
    assert len(set(operator_names("(1-60)(61-88)"))) == 1680


@pytest.mark.parametrize("expression", ["(1-1000)(1-1000)", "1-99999999999"])
def test_endless_operator_lists_are_refused(build: Callable[..., Built], expression: str) -> None:
    with pytest.raises(StructureError, match=r"test\.cif: assembly 1 lists .* operators"):
        build([("1", "?")], [("1", expression, "A")])


def test_undefined_operators_are_refused(build: Callable[..., Built]) -> None:
    with pytest.raises(StructureError, match=r"test\.cif: assembly 1 uses operator '9'"):
        build([("1", "?")], [("1", "1,9", "A")])


REMARK_350 = """\
REMARK 350 BIOMOLECULE: 1
REMARK 350 SOFTWARE DETERMINED QUATERNARY STRUCTURE: DIMERIC
REMARK 350 APPLY THE FOLLOWING TO CHAINS: A
REMARK 350   BIOMT1   1  1.000000  0.000000  0.000000        0.00000
REMARK 350   BIOMT2   1  0.000000  1.000000  0.000000        0.00000
REMARK 350   BIOMT3   1  0.000000  0.000000  1.000000        0.00000
REMARK 350 BIOMOLECULE: 2
REMARK 350 AUTHOR DETERMINED BIOLOGICAL UNIT: DIMERIC
REMARK 350 APPLY THE FOLLOWING TO CHAINS: A
REMARK 350   BIOMT1   1  1.000000  0.000000  0.000000        0.00000
REMARK 350   BIOMT2   1  0.000000  1.000000  0.000000        0.00000
REMARK 350   BIOMT3   1  0.000000  0.000000  1.000000        0.00000
REMARK 350   BIOMT1   2 -1.000000  0.000000  0.000000       50.00000
REMARK 350   BIOMT2   2  0.000000 -1.000000  0.000000        0.00000
REMARK 350   BIOMT3   2  0.000000  0.000000  1.000000        0.00000
ATOM      1  CA  ALA A   1       0.000   0.000   0.000  1.00 10.00           C
ATOM      2  CA  ALA A   2       3.800   0.000   0.000  1.00 10.00           C
ATOM      3  CA  GLY A   3       7.600   0.000   0.000  1.00 10.00           C
TER
END
"""


def test_remark_350() -> None:
    structure = gemmi.read_pdb_string(REMARK_350)
    polymer = polymer_beads(structure)
    assert polymer is not None
    assembly = assemble(pdb_assemblies(structure), polymer)
    assert (assembly.id, assembly.source) == ("2", "author_defined")
    np.testing.assert_allclose(assembly.translation, [[0, 0, 0], [50, 0, 0]])
