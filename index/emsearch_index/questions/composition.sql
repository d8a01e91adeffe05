-- Of which chains are the members of a group made?
-- $group: a shape group, as in G0001
SELECT s.id, c.entity, c.type, c.copies, c.residues, round(c.mass_da / 1000, 1) AS mass_kda,
       count(*) OVER (PARTITION BY nullif(c.sequence_sha256, '')) AS structures_with_it, s.title
FROM structures s JOIN chains c ON c.structure_id = s.id
WHERE lower(s.group_id) = lower($group)
ORDER BY s.id, c.entity
