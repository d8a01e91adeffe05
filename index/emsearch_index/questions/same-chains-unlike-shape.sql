-- Which entries are made of the same chains and yet of unlike shape?
-- Other conformations, other assemblies of the same subunits, and cofactors that change the whole.
WITH made_of AS (
    SELECT structure_id, list(DISTINCT sequence_sha256 ORDER BY sequence_sha256) AS sequences
    FROM chains WHERE sequence_sha256 <> '' GROUP BY structure_id
)
SELECT a.id, b.id AS other, a.group_id, b.group_id AS other_group, round(p.score, 3) AS score,
       round(a.mass_da / 1000) AS mass_kda, round(b.mass_da / 1000) AS other_mass_kda, a.title
FROM made_of m JOIN made_of n ON n.sequences = m.sequences AND n.structure_id > m.structure_id
JOIN structures a ON a.id = m.structure_id JOIN structures b ON b.id = n.structure_id
LEFT JOIN similarities p ON p.structure_a = a.id AND p.structure_b = b.id
WHERE a.group_id <> b.group_id
ORDER BY p.score NULLS FIRST, a.id, b.id
