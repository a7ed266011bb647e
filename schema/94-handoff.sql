-- Handoff: what the two sides of an integration sign, as one Markdown text made of what is configured and measured.

CREATE FUNCTION cmms.markdown_row(VARIADIC cells text[]) RETURNS text
  IMMUTABLE LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
  -- A bar would end the cell and a line break the row; the rest of Markdown's signs are shown as they are.
  SELECT '| ' || string_agg(coalesce(nullif(regexp_replace(
           regexp_replace(replace(replace(replace(c.cell, '&', '&amp;'), '<', '&lt;'), '\', '\\'), '([|`*\[\]])', '\\\1', 'g'),
           '\s*[\r\n]+\s*', '<br>', 'g'), ''), ' '), ' | ' ORDER BY c.place) || ' |'
  FROM unnest(cells) WITH ORDINALITY AS c(cell, place)
$$;
COMMENT ON FUNCTION cmms.markdown_row(text[]) IS
'A row of a Markdown table; bars, line breaks and other signs in the cells are escaped, null is an empty cell.';

CREATE FUNCTION cmms.markdown_table(header text[], body text, otherwise text) RETURNS text
  IMMUTABLE LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
  SELECT CASE WHEN body IS NULL THEN otherwise
              ELSE cmms.markdown_row(VARIADIC header) || E'\n|' || repeat(' --- |', cardinality(header)) || E'\n' || body END || E'\n'
$$;
COMMENT ON FUNCTION cmms.markdown_table(text[], text, text) IS
'A Markdown table of a header and rows of cmms.markdown_row (body); without rows the sentence otherwise.';

CREATE FUNCTION cmms.handoff_scope(provider_id text) RETURNS text
  STABLE LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
  SELECT concat_ws(E'\n',
    E'## Connector in scope\n',
    cmms.markdown_table(ARRAY['Property', 'Value'], (
      SELECT string_agg(cmms.markdown_row(o.name, o.value), E'\n' ORDER BY o.place, o.name)
      FROM (SELECT 1 AS place, 'provider' AS name, handoff_scope.provider_id AS value
            UNION ALL SELECT 2, 'type', cmms.provider_setting(handoff_scope.provider_id, 'type')
            UNION ALL SELECT 3, 'tenant', cmms.provider_tenant(handoff_scope.provider_id)
            UNION ALL SELECT 4, 'mode', coalesce(p.mode || ': ' || m.description, 'never activated')
            UNION ALL SELECT 5, 'state', CASE WHEN NOT coalesce(p.active, false) THEN 'not active' WHEN p.paused_at IS NOT NULL THEN 'paused' ELSE 'active' END
            UNION ALL SELECT 6, 'option ' || x.option_name, x.option_value
            FROM pg_foreign_server s, pg_options_to_table(s.srvoptions) x
            WHERE s.srvname = handoff_scope.provider_id AND x.option_name NOT IN ('type', 'tenant')) o), ''),
    E'## Credential and scope matrix\n',
    cmms.markdown_table(ARRAY['Credential', 'Purpose', 'Required', 'Given', 'Problem'], (
      SELECT string_agg(cmms.markdown_row(c.credential, c.description, CASE WHEN c.required THEN 'yes' ELSE 'no' END,
                                          CASE WHEN c.is_file THEN 'by file' WHEN c.is_given THEN 'in the user mapping' ELSE 'no' END, c.problem),
                        E'\n' ORDER BY c.credential)
      FROM cmms.credential_status(handoff_scope.provider_id) c), 'The provider''s type has no credentials.'),
    cmms.markdown_table(ARRAY['Role', 'Records of tenant', 'May'], (
      SELECT string_agg(cmms.markdown_row(a.role_name::text, a.tenant_id, CASE a.level WHEN 'write' THEN 'read and write' ELSE 'read' END),
                        E'\n' ORDER BY a.role_name)
      FROM cmms.tenant_access a WHERE a.tenant_id = cmms.provider_tenant(handoff_scope.provider_id)),
      'No role but the owner of the database''s cmms objects may see the records.'))
  FROM (SELECT) one LEFT JOIN cmms.provider p ON p.provider_id = handoff_scope.provider_id LEFT JOIN cmms.mode m ON m.name = p.mode
$$;
COMMENT ON FUNCTION cmms.handoff_scope(text) IS 'Part of cmms.handoff_report: the connector, its credentials without their values, and who may use it.';

CREATE FUNCTION cmms.source_text(source text) RETURNS text
  IMMUTABLE LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
  SELECT CASE WHEN source LIKE '["%' THEN (SELECT string_agg(p, ' or ') FROM jsonb_array_elements_text(source::jsonb) p) ELSE source END
$$;
COMMENT ON FUNCTION cmms.source_text(text) IS 'The source of a field rule for people: a list of paths reads "a or b".';

CREATE FUNCTION cmms.handoff_fields(provider_id text, direction text) RETURNS text
  STABLE LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
  WITH latest AS (  -- the documents that the provider sent last, for examples
    SELECT w.source_doc, to_jsonb(w) AS record FROM cmms.work_order w
    WHERE w.provider_id = handoff_fields.provider_id AND w.source_doc IS NOT NULL
    ORDER BY w.last_synced_at DESC NULLS LAST, w.source_work_order_id LIMIT 20)
  SELECT cmms.markdown_table(
    CASE handoff_fields.direction WHEN 'inbound' THEN ARRAY['Work order field', 'Provider field', 'Transform', 'Required', 'Default', 'Owner', 'Example']
                                          ELSE ARRAY['Provider field', 'Work order field', 'Transform', 'Required', 'Default', 'Sent', 'Our example'] END,
    string_agg(cmms.markdown_row(f.target, cmms.source_text(f.source), f.transform, CASE WHEN f.required THEN 'yes' ELSE 'no' END, f.default_value #>> '{}',
                                 CASE f.direction WHEN 'inbound' THEN f.owner ELSE f.on_operation END,
                                 left(cmms.masked_text(handoff_fields.provider_id, e.example #>> '{}'), 80)),
               E'\n' ORDER BY f.place),
    'No field is mapped.')
  FROM cmms.effective_field_map(handoff_fields.provider_id) WITH ORDINALITY
         AS f(direction, target, source, transform, required, default_value, on_operation, owner, is_own, place)
  LEFT JOIN LATERAL (
    SELECT x.value AS example
    FROM (SELECT row_number() OVER () AS place,
                 cmms.path_value(CASE f.direction WHEN 'inbound' THEN l.source_doc ELSE l.record END, f.source) AS value FROM latest l) x
    WHERE x.value <> 'null' ORDER BY x.place LIMIT 1) e ON true
  WHERE f.direction = handoff_fields.direction
$$;
COMMENT ON FUNCTION cmms.handoff_fields(text, text) IS 'Part of cmms.handoff_report: the fields of one direction with examples out of the documents that came last.';

CREATE FUNCTION cmms.handoff_vocabulary(provider_id text, vocabulary text) RETURNS text
  STABLE LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
  WITH words AS (
    SELECT s.name, s.sort_order FROM cmms.common_status s WHERE vocabulary = 'status'
    UNION ALL SELECT p.name, p.sort_order FROM cmms.priority p WHERE vocabulary = 'priority'),
  descriptor AS (
    SELECT t.descriptor #> ARRAY['resources', 'work_order', 'values', vocabulary] AS maps FROM cmms.provider_type t
    WHERE t.provider_type = cmms.provider_setting(handoff_vocabulary.provider_id, 'type')),
  rules AS (  -- every word of the provider that is known to us: mapped, learnt, or of its type
    SELECT v.source_value AS word, v.match, v.target_value AS target FROM cmms.value_map v
    WHERE v.provider_id = handoff_vocabulary.provider_id AND v.vocabulary = handoff_vocabulary.vocabulary AND v.direction = 'inbound' AND v.resource = 'work_order'
    UNION SELECT v.value_name, 'folded', NULL FROM cmms.provider_value v
    WHERE v.provider_id = handoff_vocabulary.provider_id AND v.vocabulary = handoff_vocabulary.vocabulary
    UNION SELECT k.key, coalesce(k.value ->> 'match', 'folded'), k.value ->> 'value' FROM descriptor d, jsonb_each(coalesce(d.maps -> 'inbound', '{}')) k
    UNION SELECT k, 'folded', NULL FROM descriptor d, jsonb_array_elements_text(coalesce(d.maps -> 'same', '[]')) k),
  theirs AS (
    SELECT DISTINCT CASE r.match WHEN 'default' THEN 'anything else' WHEN 'contains_code' THEN 'code ' || r.word ELSE r.word END AS word,
           CASE WHEN r.match IN ('folded', 'exact') THEN cmms.translated_value(provider_id, vocabulary, r.word) ELSE r.target END AS target
    FROM rules r)
  SELECT cmms.markdown_table(ARRAY['Hub', 'Read from the provider''s', 'Sent as'],
    string_agg(cmms.markdown_row(w.name,
      coalesce((SELECT string_agg(t.word, ', ' ORDER BY t.word COLLATE "C") FROM theirs t WHERE t.target = w.name), 'nothing'),
      coalesce(cmms.translated_value(provider_id, vocabulary, w.name, 'outbound'), 'nothing: held')), E'\n' ORDER BY w.sort_order, w.name), '')
  FROM words w
$$;
COMMENT ON FUNCTION cmms.handoff_vocabulary(text, text) IS 'Part of cmms.handoff_report: how status or priority read on both sides.';

CREATE FUNCTION cmms.handoff_behaviour(provider_id text) RETURNS text
  STABLE LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
  SELECT concat_ws(E'\n',
    E'## Webhooks and synchronization\n',
    cmms.markdown_table(ARRAY['Subject', 'Setting'], concat_ws(E'\n',
      cmms.markdown_row('polled', coalesce((SELECT string_agg(r, ', ') FROM cmms.pollable_resources(handoff_behaviour.provider_id) r) || coalesce(' every ' || p.poll_interval, ''), 'no')),
      cmms.markdown_row('first import', coalesce('records changed since ' || p.import_since, 'everything')),
      cmms.markdown_row('webhook signature', coalesce(cmms.provider_setting(handoff_behaviour.provider_id, 'webhook_scheme'), CASE WHEN c.is_given THEN 'standard_webhooks' ELSE 'none' END)),
      cmms.markdown_row('clock tolerance of signatures', cmms.provider_setting(handoff_behaviour.provider_id, 'webhook_tolerance') || ' s'),
      cmms.markdown_row('largest webhook', current_setting('cmms.max_webhook_size')),
      cmms.markdown_row('answers to a webhook', '200 applied, unchanged, older or known already; 202 held; 400 malformed; 401 signature; 413 too large; 422 refused by the database; 500 to be sent again'),
      cmms.markdown_row('webhooks received', coalesce((SELECT string_agg(format('%s %s', e.events, e.outcome), ', ' ORDER BY e.outcome) FROM
        (SELECT w.outcome, count(*) AS events FROM cmms.webhook_event w WHERE w.provider_id = handoff_behaviour.provider_id GROUP BY w.outcome) e), 'none'))), ''),
    E'## Errors and retries\n',
    cmms.markdown_table(ARRAY['Setting', 'Value', 'Meaning'], concat_ws(E'\n',
      (SELECT string_agg(cmms.markdown_row(s.name, current_setting(s.name), s.short_desc), E'\n' ORDER BY s.name) FROM pg_settings s
       WHERE s.name IN ('cmms.max_attempts', 'cmms.retry_base', 'cmms.retry_cap', 'cmms.request_timeout')),
      (SELECT string_agg(cmms.markdown_row('option ' || o.name, coalesce(cmms.provider_setting(handoff_behaviour.provider_id, o.name), 'none'), o.meaning), E'\n' ORDER BY o.name)
       FROM (VALUES ('timeout_ms', 'How long one request may take'), ('max_concurrency', 'Requests in flight at once'),
                    ('lookup_grace', 'Seconds before an order whose create had no answer is believed missing')) AS o(name, meaning))), ''),
    cmms.markdown_table(ARRAY['Class', 'SQLSTATE', 'Review action', 'Seen'], (
      SELECT string_agg(cmms.markdown_row(k.name, k.sqlstate, k.review_action,
        (SELECT count(*)::text FROM cmms.sync_log l WHERE l.provider_id = handoff_behaviour.provider_id AND l.error_class = k.name)), E'\n' ORDER BY k.sqlstate)
      FROM cmms.error_class k), ''),
    'An attempt that fails for the time being is repeated, each time later, within the limits above. A create without an answer is looked'
    || E'\nup by our own reference before anything is sent again. A refusal for good leaves the order `rejected`, with its reason in `cmms.sync_history`.\n')
  FROM (SELECT) one LEFT JOIN cmms.provider p ON p.provider_id = handoff_behaviour.provider_id
  LEFT JOIN cmms.credential_status(handoff_behaviour.provider_id) c ON c.credential = 'webhook_secret'
$$;
COMMENT ON FUNCTION cmms.handoff_behaviour(text) IS 'Part of cmms.handoff_report: webhooks, polls, errors and retries, with the settings in force.';

CREATE FUNCTION cmms.handoff_report(provider_id text) RETURNS text
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
#variable_conflict use_column
DECLARE
  report text;
BEGIN
  PERFORM cmms.require_server_owner(handoff_report.provider_id);
  report := concat_ws(E'\n',
    format(E'# Integration handoff: %s\n', regexp_replace(handoff_report.provider_id, '([\\|`*_\[\]<])', '\\\1', 'g')),
    cmms.handoff_scope(handoff_report.provider_id),
    E'## Fields read from the provider\n', cmms.handoff_fields(handoff_report.provider_id, 'inbound'),
    E'## Fields sent to the provider\n', cmms.handoff_fields(handoff_report.provider_id, 'outbound'),
    E'## Status map\n', cmms.handoff_vocabulary(handoff_report.provider_id, 'status'),
    E'## Priority map\n', cmms.handoff_vocabulary(handoff_report.provider_id, 'priority'),
    E'## SLA map\n',
    cmms.markdown_table(ARRAY['Direction', 'From', 'To', 'Transform'], (
      SELECT string_agg(cmms.markdown_row(f.direction, cmms.source_text(f.source), f.target, f.transform), E'\n' ORDER BY f.direction, f.target)
      FROM cmms.effective_field_map(handoff_report.provider_id) f WHERE 'sla_due_at' IN (f.source, f.target)), 'The due time (`sla_due_at`) is not mapped.'),
    cmms.handoff_behaviour(handoff_report.provider_id),
    E'## Test cases and acceptance criteria\n',
    cmms.markdown_table(ARRAY['Area', 'Criterion', 'Result', 'Finding', 'Action'], (
      SELECT string_agg(cmms.markdown_row(v.area, v.check_name, CASE WHEN v.ok THEN 'passed' WHEN NOT v.ok THEN 'open' ELSE 'not applicable or not known' END,
                                          v.detail, v.action), E'\n' ORDER BY v.place)
      FROM cmms.validate(handoff_report.provider_id) WITH ORDINALITY AS v(area, check_name, ok, detail, action, place)), ''));
  RETURN cmms.masked_text(handoff_report.provider_id, report);
END
$$;
COMMENT ON FUNCTION cmms.handoff_report(text) IS
'The integration handoff of a provider as one Markdown text: connector, credentials (never their values) and who may use it, fields with examples, status, priority and SLA maps, webhooks, errors and retries with the settings in force, and the acceptance criteria of cmms.validate. For the owner of the foreign server. SQLSTATEs: WO001 no such server, WO006 invalid configuration, 42501 not the owner.';
