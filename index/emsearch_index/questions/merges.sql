-- Which groups could merge at a lower threshold?
-- Groups merge only where every pair across them was compared and reaches the threshold. Of two merges that
-- share a group, the one with the higher least score comes first and may rule out the other.
-- $threshold = 0.85: least similarity within a group, 0 to 1
WITH across AS (
    SELECT least(a.group_id, b.group_id) AS one, greatest(a.group_id, b.group_id) AS other,
           count(*) AS compared, min(p.score) AS least_score, max(p.score) AS best_score
    FROM similarities p JOIN structures a ON a.id = p.structure_a JOIN structures b ON b.id = p.structure_b
    WHERE a.group_id <> b.group_id
    GROUP BY ALL
)
SELECT one AS "group", other AS other_group, round(least_score, 3) AS least_score,
       round(best_score, 3) AS best_score, g.members + h.members AS members, g.name, h.name AS other_name
FROM across JOIN groups g ON g.id = one JOIN groups h ON h.id = other
WHERE compared = g.members * h.members AND least_score >= $threshold
ORDER BY across.least_score DESC, one, other
