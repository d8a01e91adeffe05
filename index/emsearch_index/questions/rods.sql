-- Which molecules are rods, the longest-drawn first?
-- $anisotropy = 0.4: least relative shape anisotropy, which is 1 for a thin rod
SELECT id, round(anisotropy, 3) AS anisotropy, round(dmax_angstrom) AS dmax_angstrom,
       round(sqrt(gyration_1 / gyration_2), 1) AS length_over_width, symmetry, group_id, title
FROM structures
WHERE anisotropy >= $anisotropy AND gyration_1 - gyration_2 > gyration_2 - gyration_3
ORDER BY structures.anisotropy DESC
