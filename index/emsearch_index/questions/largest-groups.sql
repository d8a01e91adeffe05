-- Which shape groups hold the most structures?
-- $least = 2: least number of members
SELECT g.id, g.members, g.representative_id AS representative, round(s.mass_da / 1000) AS mass_kda,
       round(s.dmax_angstrom) AS dmax_angstrom, s.symmetry, g.name
FROM groups g LEFT JOIN structures s ON s.id = g.representative_id
WHERE g.members >= $least
ORDER BY g.members DESC, g.id
