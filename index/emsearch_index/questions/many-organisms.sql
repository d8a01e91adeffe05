-- Which shapes do several organisms share?
-- $least = 2: least number of organisms of a group; an entry with several is counted by them together
SELECT s.group_id, count(DISTINCT lower(s.organism)) AS organisms, count(*) AS structures,
       list(DISTINCT lower(s.organism) ORDER BY lower(s.organism)) AS named, any_value(g.name) AS name
FROM structures s JOIN groups g ON g.id = s.group_id
WHERE s.organism <> ''
GROUP BY s.group_id
HAVING organisms >= $least
ORDER BY organisms DESC, s.group_id
