"""What the catalogue says of the members of a shape group and of the groups most like it."""

from collections.abc import Sequence
from typing import Any

from emsearch_index.catalogue import Catalogue

__all__ = ["members_of_group", "nearest_groups"]

_MEMBERS = """
    SELECT m.structure_id AS structure, m.similarity, m.mirror, s.mass_da / 1000 AS mass_kda,
           s.dmax_angstrom, s.title
    FROM group_members m LEFT JOIN structures s ON s.id = m.structure_id
    WHERE m.group_id = ? ORDER BY m.similarity DESC, m.structure_id
"""
# The best score of any compared pair that joins ours with each other group.
_NEAREST_GROUPS = """
    WITH pairs AS (SELECT structure_a AS ours, structure_b AS theirs, score FROM similarities
                   UNION ALL SELECT structure_b, structure_a, score FROM similarities)
    SELECT t.group_id AS "group", g.name, arg_max(p.ours, p.score) AS structure,
           arg_max(p.theirs, p.score) AS other_structure, max(p.score) AS score
    FROM pairs p JOIN structures o ON o.id = p.ours JOIN structures t ON t.id = p.theirs
    LEFT JOIN groups g ON g.id = t.group_id
    WHERE list_contains(?, o.id) AND t.group_id <> o.group_id
    GROUP BY t.group_id, g.name ORDER BY score DESC, t.group_id LIMIT ?
"""


def members_of_group(catalogue: Catalogue, group: str) -> list[dict[str, Any]]:
    """Return the members of a group, the one most like the representative (itself) first."""
    return catalogue.rows(_MEMBERS, [group])


def nearest_groups(catalogue: Catalogue, structures: Sequence[str], limit: int) -> list[dict[str, Any]]:
    """Return the groups most like any of these structures, which are of one group, by the pairs that were compared."""
    return catalogue.rows(_NEAREST_GROUPS, [list(structures), limit])
