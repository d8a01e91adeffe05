-- What was left out of the index, and what was assumed when entries were read?
SELECT 'left out' AS what, reason AS note, count(*) AS entries, list(source ORDER BY source)[:5] AS examples
FROM left_out
GROUP BY reason
UNION ALL
SELECT 'assumed', note, count(*), list(id ORDER BY id)[:5]
FROM (SELECT id, unnest(string_split(notes, '; ')) AS note FROM structures WHERE notes <> '')
GROUP BY note
ORDER BY what DESC, entries DESC, note
