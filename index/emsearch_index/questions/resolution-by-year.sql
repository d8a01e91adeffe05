-- How did the resolution of the entries change over the years?
SELECT year(release_date) AS released, count(*) AS structures,
       count(*) FILTER (WHERE method ILIKE '%electron%') AS by_electrons,
       round(median(resolution_angstrom), 2) AS median_angstrom, round(min(resolution_angstrom), 2) AS best_angstrom,
       arg_min(id, resolution_angstrom) AS best
FROM structures
WHERE release_date IS NOT NULL AND resolution_angstrom IS NOT NULL
GROUP BY released
ORDER BY released
