-- jsonb read through json::Value.
SELECT document, boundary.json_text(document), boundary.json_walk(document)
FROM (VALUES
  ('null'::jsonb), ('true'), ('false'), ('"text"'), ('12.3400'), ('1e30'), ('-0.00000001'), ('[]'), ('{}'), ('[[]]'),
  ('{"b": {"c": null}, "a": [1, "two", true, {"x": [{}]}], "": "empty name"}'),
  ('{"quo\"te": "back\\slash, comma: colon", "esc": "tab\t newline\n \\\" end", "ünïcödé": "日本語 😀"}'),
  ('[1, 2.50, [3, [4, [5]]], "a b", " , : "]')
) AS v (document);

-- Binary search over many names of different length, and numbers beyond an inline offset.
SELECT count(*) FILTER (WHERE boundary.json_member(document, 'n' || i) = (i * 7)::text) AS found,
       count(boundary.json_member(document, 'm' || i)) AS not_found
FROM generate_series(1, 500) AS i,
     (SELECT jsonb_object_agg('n' || g, g * 7) AS document FROM generate_series(1, 500) AS g) AS d;
SELECT boundary.json_walk(d)::jsonb = d AS equal, boundary.json_text(d)::jsonb = d AS text_equal
FROM (SELECT jsonb_agg(jsonb_build_object('id', g, 'name', repeat('x', g % 50), 'list', jsonb_build_array(g, g / 3.0, NULL, g % 2 = 0)))
      FROM generate_series(1, 2000) AS g) AS v (d);

-- What is not there or of another kind is an answer, not an error.
SELECT boundary.json_wrong_access(d) FROM unnest('{"null",1,"\"s\"",[],"{\"a\":1}",true}'::jsonb[]) AS d;
SELECT boundary.json_member('[1]', 'a'), boundary.json_member('{"a": {"b": 1}}', 'a');

-- Malformed JSON, NUL bytes and invalid UTF-8 are errors, also behind a valid document.
SELECT boundary.json_parse('{"a": 1}');
SELECT boundary.json_parse('{"a": ');
SELECT boundary.json_parse('\x7b7d00');
SELECT boundary.json_parse('\x22ff22');
SELECT boundary.json_parse('"\\u0000"');
SELECT boundary.json_parse(convert_to(repeat('[', 100000), 'UTF8'));

SELECT place, type, CASE WHEN length(value) > 100 THEN length(value) || ' characters' ELSE value END AS value
FROM boundary.round_trip();

SELECT boundary.text_parameter('valid', false);
SELECT boundary.text_parameter('\x61ff62', false);
SELECT boundary.text_parameter('\x61ff62c3a400e697', true);

SELECT boundary.misuse('no scope');
SELECT boundary.misuse('wrong type');
SELECT boundary.misuse('missing parameter');
SELECT boundary.misuse('no such row');
SELECT boundary.misuse('no such column');
SELECT boundary.misuse('not an integer');
SELECT boundary.misuse('syntax error');
SELECT boundary.misuse('syntax error');
SELECT boundary.misuse('object in a context');

-- A kept statement follows its table when that is dropped and made again, with and without being forgotten.
SELECT boundary.count_rows(false);
DROP TABLE boundary_child, boundary_target;
SELECT boundary.count_rows(false);
CREATE TABLE boundary_target (name text);
SELECT boundary.count_rows(false);
INSERT INTO boundary_target VALUES ('one');
SELECT boundary.count_rows(true);

DROP TABLE boundary_target;
DROP EXTENSION cmms_boundary;
