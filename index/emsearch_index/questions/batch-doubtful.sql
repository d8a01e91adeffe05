-- Which particles of a batch are probably not in the index, or got no answer?
-- needs: hits
-- $in_database = 0.5: below this probability of being in the index a particle is listed
SELECT "row", particle, round(in_database_probability, 3) AS in_database_probability, "group", representative, error
FROM hits
WHERE error IS NOT NULL OR in_database_probability < $in_database
ORDER BY hits.in_database_probability, "row"
