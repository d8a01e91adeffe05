"""The kinds of chain of an assembly."""

import hashlib
from collections.abc import Mapping

import numpy as np

from emsearch.structures.assembly import Assembly
from emsearch.structures.model import Chain
from emsearch.structures.polymer import Polymer

__all__ = ["chain_rows", "entity_of_pieces"]


def entity_of_pieces(polymer: Polymer) -> list[str]:
    """Return the entity of each piece; entities with a modelled sequence in common are one.

    Files without entity records give every chain its own, which this undoes.
    """
    parent: dict[str, str] = {}
    by_sequence: dict[str, str] = {}

    def root(name: str) -> str:
        while parent.setdefault(name, name) != name:
            name = parent[name]
        return name

    for piece in polymer.pieces:
        first = by_sequence.setdefault(piece.sequence, piece.entity)
        parent[root(piece.entity)] = root(first)
    return [root(piece.entity) for piece in polymer.pieces]


def chain_rows(
    polymer: Polymer, assembly: Assembly, entities: list[str], sequences: Mapping[str, str]
) -> tuple[Chain, ...]:
    """Summarise the assembly's chains by entity.

    Parameters
    ----------
    polymer : Polymer
    assembly : Assembly
    entities : list of str
        Entity of each piece (``entity_of_pieces``).
    sequences : mapping of str to str
        One-letter sequences that the file states, by entity; the longest modelled one stands in.

    Returns
    -------
    tuple of Chain
        Residues (modelled) and mass are means per copy, so that copies x mass add up to the assembly's.
    """
    copies = np.bincount(assembly.piece, minlength=len(polymer.pieces))
    rows: list[Chain] = []
    for entity in dict.fromkeys(entities):
        members = [k for k, name in enumerate(entities) if name == entity and copies[k] > 0]
        if not members:
            continue
        pieces = [polymer.pieces[k] for k in members]
        count = int(copies[members].sum())
        residues = sum(int(copies[k]) * (polymer.pieces[k].stop - polymer.pieces[k].start) for k in members)
        masses = [float(polymer.mass_da[p.start : p.stop].sum()) for p in pieces]
        longest = max(pieces, key=lambda piece: piece.stop - piece.start)
        sequence = sequences.get(entity) or longest.sequence
        rows.append(
            Chain(
                entity=entity,
                type=longest.type,
                copies=count,
                residues=round(residues / count),
                mass_da=sum(int(copies[k]) * m for k, m in zip(members, masses, strict=True)) / count,
                sequence_sha256=hashlib.sha256(sequence.encode()).hexdigest(),
            )
        )
    return tuple(rows)
