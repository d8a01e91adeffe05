-- Which point groups do the assemblies have, and which are the largest of each?
SELECT symmetry, count(*) AS structures, count(DISTINCT group_id) AS shapes,
       round(min(mass_da) / 1000) AS least_mass_kda, round(max(mass_da) / 1000) AS most_mass_kda,
       list(id ORDER BY mass_da DESC)[:5] AS largest
FROM structures
GROUP BY symmetry
ORDER BY structures DESC, symmetry
