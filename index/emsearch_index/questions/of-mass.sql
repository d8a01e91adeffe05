-- Which shapes have a certain mass?
-- $mass_kda: mass of the particle in kDa, as a gel, a column or mass photometry tells it
-- $percent = 10: how far the mass may be off
SELECT g.id AS group_id, round(s.mass_da / 1000) AS mass_kda, round(s.dmax_angstrom) AS dmax_angstrom,
       s.symmetry, s.id AS representative, g.members, g.name
FROM groups g JOIN structures s ON s.id = g.representative_id
WHERE abs(s.mass_da / 1000 / CAST($mass_kda AS DOUBLE) - 1) <= CAST($percent AS DOUBLE) / 100
ORDER BY abs(s.mass_da / 1000 - CAST($mass_kda AS DOUBLE)), g.id
