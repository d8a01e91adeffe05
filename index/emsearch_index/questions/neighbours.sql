-- Which structures are nearest in shape to one of them?
-- $structure: an entry, as in 6cvm
WITH pairs AS (
    SELECT structure_b AS id, score FROM similarities WHERE lower(structure_a) = lower($structure)
    UNION ALL SELECT structure_a, score FROM similarities WHERE lower(structure_b) = lower($structure)
)
SELECT p.id, round(p.score, 3) AS score, s.group_id, round(s.mass_da / 1000) AS mass_kda,
       round(s.dmax_angstrom) AS dmax_angstrom, s.title
FROM pairs p JOIN structures s ON s.id = p.id
ORDER BY p.score DESC, p.id
