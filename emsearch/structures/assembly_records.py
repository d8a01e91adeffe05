"""The assemblies that a file lists, each as generators: some chains and the operators applied to them.

mmCIF operator expressions are read here, since gemmi 0.7.5 keeps only the first factor of a product such as
``(1-60)(61-88)`` and would build 60 of the 1,680 copies of entry 1M4X.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from math import prod

import gemmi
import numpy as np
from numpy.typing import NDArray

from emsearch.structures.errors import StructureError

__all__ = ["AssemblyRecord", "Generator", "mmcif_assemblies", "operator_names", "pdb_assemblies"]

_OPERATORS_MAX = 100_000
_SOURCES = {
    "author_and_software_defined_assembly": "author_and_software_defined",
    "author_defined_assembly": "author_defined",
    "complete icosahedral assembly": "complete_icosahedral",
    "complete point assembly": "complete_point",
    "representative helical assembly": "representative_helical",
    "software_defined_assembly": "software_defined",
    "": "listed",
}
_GENERATOR_COLUMNS = ["assembly_id", "oper_expression", "asym_id_list"]
_OPERATOR_COLUMNS = [
    "id",
    *(f"matrix[{row}][{column}]" for row in (1, 2, 3) for column in (1, 2, 3)),
    *(f"vector[{row}]" for row in (1, 2, 3)),
]
_Operator = NDArray[np.float64]  # (4, 4), homogeneous


@dataclass(frozen=True, slots=True)
class Generator:
    """Chains, by mmCIF ``subchains`` or PDB ``chains``, and float64 (k, 4, 4) operators on (x, y, z, 1)."""

    subchains: frozenset[str]
    chains: frozenset[str]
    operators: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class AssemblyRecord:
    """One assembly of a file; ``source`` says what it rests on, "listed" where the file does not say."""

    id: str
    source: str
    generators: tuple[Generator, ...]


def _members(group: str) -> list[str]:
    """Expand "1-3,P" to ["1", "2", "3", "P"]."""
    names: list[str] = []
    for part in group.split(","):
        span = re.fullmatch(r"(\d+)-(\d+)", part.strip())
        if span is None:
            names.append(part.strip())
            continue
        first, last = int(span[1]), int(span[2])
        if last - first >= _OPERATORS_MAX:
            raise ValueError(f"{last - first + 1:,} operators")
        names += [str(number) for number in range(first, last + 1)]
    return [name for name in names if name]


def operator_names(expression: str) -> list[tuple[str, ...]]:
    """Expand an operator expression to products of operator names; the rightmost acts first.

    >>> operator_names("1,3-4")
    [('1',), ('3',), ('4',)]
    >>> operator_names("(1,2)(P)")
    [('1', 'P'), ('2', 'P')]

    Raises
    ------
    ValueError
        More than 100,000 operators.
    """
    found: list[tuple[str, ...]] = []
    for term in re.split(r",(?![^()]*\))", expression):
        groups = [_members(group) for group in re.split(r"[()]+", term) if group.strip()]
        if prod(map(len, groups)) + len(found) > _OPERATORS_MAX:
            raise ValueError(f"more than {_OPERATORS_MAX:,} operators")
        found += [names for names in product(*groups) if names]
    return found


def _composed(expression: str, operators: Mapping[str, _Operator]) -> NDArray[np.float64]:
    found: list[_Operator] = []
    for names in operator_names(expression):
        matrix = np.eye(4)
        for name in names:
            matrix = matrix @ operators[name]
        found.append(matrix)
    return np.array(found).reshape(-1, 4, 4)


def _operator_list(block: gemmi.cif.Block) -> dict[str, _Operator]:
    operators: dict[str, _Operator] = {}
    for row in block.find("_pdbx_struct_oper_list.", _OPERATOR_COLUMNS):
        values = [gemmi.cif.as_number(row[k]) for k in range(1, 13)]
        matrix = np.eye(4)
        matrix[:3, :3] = np.reshape(values[:9], (3, 3))
        matrix[:3, 3] = values[9:]
        operators[gemmi.cif.as_string(row[0])] = matrix
    return operators


def _sources(block: gemmi.cif.Block) -> dict[str, str]:
    """Return what each assembly rests on; crystal asymmetric units and other parts are no assemblies."""
    named: dict[str, str] = {}
    for row in block.find("_pdbx_struct_assembly.", ["id", "?details"]):
        details = gemmi.cif.as_string(row[1]).strip().lower() if row.has(1) else ""
        if details in _SOURCES:
            named[gemmi.cif.as_string(row[0])] = _SOURCES[details]
    return named


def mmcif_assemblies(block: gemmi.cif.Block, name: str) -> list[AssemblyRecord]:
    """Read the assemblies of an mmCIF block, in the file's order.

    Raises
    ------
    StructureError
        An operator that the file does not define, or more than 100,000 of them; ``name`` is the file's.
    """
    operators = _operator_list(block)
    generators: dict[str, list[Generator]] = {}
    for row in block.find("_pdbx_struct_assembly_gen.", _GENERATOR_COLUMNS):
        assembly, expression, chains = (gemmi.cif.as_string(value) for value in row)
        try:
            matrices = _composed(expression, operators)
        except KeyError as error:
            raise StructureError(
                f"{name}: assembly {assembly} uses operator {error.args[0]!r}, which is not defined."
            ) from error
        except ValueError as error:
            raise StructureError(
                f"{name}: assembly {assembly} lists {error}; that is no assembly."
            ) from error
        members = frozenset(chain.strip() for chain in chains.split(","))
        generators.setdefault(assembly, []).append(Generator(members, frozenset(), matrices))
    return [
        AssemblyRecord(assembly, source, tuple(generators.get(assembly, ())))
        for assembly, source in _sources(block).items()
    ]


def _pdb_source(assembly: gemmi.Assembly) -> str:
    if assembly.author_determined:
        return "author_and_software_defined" if assembly.software_determined else "author_defined"
    return "software_defined" if assembly.software_determined else "listed"


def pdb_assemblies(structure: gemmi.Structure) -> list[AssemblyRecord]:
    """Take over the assemblies that gemmi reads from REMARK 350 of a PDB file."""
    records: list[AssemblyRecord] = []
    for assembly in structure.assemblies:
        generators: list[Generator] = []
        for generator in assembly.generators:
            matrices = np.tile(np.eye(4), (len(generator.operators), 1, 1))
            for matrix, operator in zip(matrices, generator.operators, strict=True):
                matrix[:3, :3] = operator.transform.mat.tolist()
                matrix[:3, 3] = operator.transform.vec.tolist()
            subchains, chains = frozenset(generator.subchains), frozenset(generator.chains)
            generators.append(Generator(subchains, chains, matrices))
        records.append(AssemblyRecord(assembly.name, _pdb_source(assembly), tuple(generators)))
    return records
