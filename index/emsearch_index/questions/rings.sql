-- Which molecules are rings or discs, the flattest first?
-- A flat ring or disc has an anisotropy of 1/4: two like gyration axes, and a third that is short.
-- $anisotropy = 0.05: least relative shape anisotropy
SELECT id, round(anisotropy, 3) AS anisotropy, round(dmax_angstrom) AS dmax_angstrom,
       round(sqrt(gyration_2 / gyration_3), 1) AS width_over_height, symmetry, group_id, title
FROM structures
WHERE anisotropy >= $anisotropy AND gyration_1 - gyration_2 < gyration_2 - gyration_3
  AND gyration_1 < 1.2 * gyration_2
ORDER BY structures.anisotropy DESC
