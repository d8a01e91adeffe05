-- Which entries hold nucleic acid, and how much of their mass is it?
SELECT id, round(100 * mass_nucleic_da / mass_da) AS nucleic_percent, round(mass_da / 1000) AS mass_kda,
       round(dmax_angstrom) AS dmax_angstrom, group_id, title
FROM structures
WHERE mass_nucleic_da > 0
ORDER BY mass_nucleic_da / mass_da DESC, id
