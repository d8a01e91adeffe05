-- What did the particles of a batch turn out to be?
-- needs: hits
-- $in_database = 0.5: least probability that the particle's structure is in the index
SELECT h."group", count(*) AS particles, round(avg(h.probability), 3) AS mean_probability,
       any_value(h.representative) AS representative, round(any_value(s.mass_da) / 1000) AS mass_kda,
       round(any_value(s.dmax_angstrom)) AS dmax_angstrom, any_value(s.symmetry) AS symmetry,
       any_value(s.organism) AS organism, any_value(g.name) AS name
FROM hits h LEFT JOIN groups g ON g.id = h."group" LEFT JOIN structures s ON s.id = h.representative
WHERE h.in_database_probability >= $in_database
GROUP BY h."group"
ORDER BY particles DESC, h."group"
