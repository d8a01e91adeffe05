-- Which groups would split at a higher threshold?
-- $threshold = 0.95: least similarity within a group, 0 to 1
SELECT a.group_id AS "group", any_value(g.members) AS members, round(min(p.score), 3) AS least_score,
       arg_min(p.structure_a, p.score) AS structure, arg_min(p.structure_b, p.score) AS least_like,
       any_value(g.name) AS name
FROM similarities p JOIN structures a ON a.id = p.structure_a JOIN structures b ON b.id = p.structure_b
JOIN groups g ON g.id = a.group_id
WHERE a.group_id = b.group_id
GROUP BY a.group_id
HAVING min(p.score) < $threshold
ORDER BY min(p.score), a.group_id
