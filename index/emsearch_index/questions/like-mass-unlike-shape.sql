-- Which groups have like mass and unlike shape?
-- Two bands that look alike on a gel, and two particles that do not look alike in the microscope.
-- $percent = 2: how far the masses of the two may lie apart
-- $anisotropy = 0.3: least difference of their relative shape anisotropies
WITH shapes AS (
    SELECT s.* FROM groups g JOIN structures s ON s.id = g.representative_id
)
SELECT a.id, b.id AS other, round(a.mass_da / 1000) AS mass_kda, round(b.mass_da / 1000) AS other_mass_kda,
       round(a.anisotropy, 3) AS anisotropy, round(b.anisotropy, 3) AS other_anisotropy,
       round(a.dmax_angstrom) AS dmax_angstrom, round(b.dmax_angstrom) AS other_dmax_angstrom
FROM shapes a JOIN shapes b
  ON b.mass_da BETWEEN a.mass_da * (1 - CAST($percent AS DOUBLE) / 100) AND a.mass_da * (1 + CAST($percent AS DOUBLE) / 100)
WHERE a.anisotropy - b.anisotropy >= $anisotropy
ORDER BY a.anisotropy - b.anisotropy DESC, a.id, b.id
