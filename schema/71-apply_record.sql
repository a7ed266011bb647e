-- Applying what providers say of assets, parts, persons, part transactions and comments: a whole batch in one statement, for any of
-- these tables. As for work orders, only what differs from the provider's last document is news; there are no owners and no conflicts.

CREATE FUNCTION cmms.stored_record_query(resource text, is_adoptable boolean) RETURNS text
  IMMUTABLE LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
  SELECT format('SELECT x AS stored, x.ctid AS place, x.xmin AS version, 1 AS rank FROM cmms.%I x'
      || ' WHERE x.tenant_id = $1 AND x.provider_id = $2 AND x.%I = i.said ->> %L', resource, cmms.source_key(resource), cmms.source_key(resource))
    || CASE WHEN is_adoptable THEN
         format(' UNION ALL SELECT x, x.ctid, x.xmin, 2 FROM cmms.%1$I x WHERE x.tenant_id = $1 AND x.provider_id = $2 AND x.%2$I IS NULL'
           || ' AND x.%3$I = (i.said ->> ''reference'')::uuid'
           || ' UNION ALL SELECT x, x.ctid, x.xmin, 3 FROM cmms.%1$I x WHERE x.tenant_id = $1 AND x.provider_id = $2 AND x.%2$I IS NULL'
           || ' AND x.identifier = i.said ->> ''identifier'' AND NOT EXISTS (SELECT FROM cmms.%1$I y WHERE y.tenant_id = $1'
           || ' AND y.provider_id = $2 AND y.identifier = x.identifier AND y.%3$I <> x.%3$I)',
           resource, cmms.source_key(resource), cmms.record_key(resource))
       ELSE '' END || ' ORDER BY rank LIMIT 1'
$$;
COMMENT ON FUNCTION cmms.stored_record_query(text, boolean) IS
'The query that finds the stored row of an item i: by the provider''s id; a row of ours that has none yet by our reference, or by its identifier if no other has that. Internal.';

-- By the table's columns. $1: tenant, $2: provider, $3: fields, $4: those of a new record, $5: documents, $6, $7: whether these fields,
-- or those of a new record, have problems, $8: number of the delivery.
CREATE FUNCTION cmms.record_news_statement(resource text) RETURNS text
  STABLE LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  columns text;
  columns_of_m text;
  is_updatable boolean;  -- otherwise append-only
  is_own_record boolean;
  update_statement text := 'SELECT NULL::bigint AS ordinal, NULL::jsonb AS before, NULL::jsonb AS after WHERE false';
BEGIN
  SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum), string_agg('(m.m).' || quote_ident(a.attname), ', ' ORDER BY a.attnum)
    INTO columns, columns_of_m
  FROM pg_attribute a
  WHERE a.attrelid = format('cmms.%I', resource)::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attidentity = '';
  is_updatable := columns ~ '\msource_fields\M';
  is_own_record := columns ~ '\mlast_synced_at\M';
  IF is_updatable THEN
    update_statement := format('UPDATE cmms.%I t SET (%s) = ROW(%s) FROM merged m WHERE t.ctid = m.place AND t.xmin = m.version'
                               || ' RETURNING m.ordinal, m.before, to_jsonb(t) AS after', resource, columns, columns_of_m);
  END IF;
  RETURN format($statement$
    WITH judged AS MATERIALIZED (
      SELECT i.*, s.stored, s.place, s.version, to_jsonb(s.stored) AS before,
             CASE WHEN s.place IS NULL THEN CASE WHEN i.is_faulty_if_new
                       OR %5$L = 'comment' AND cmms.find_work_order($1, $2, i.said_if_new ->> 'work_order_ref') IS NULL THEN 'held' ELSE 'created' END
                  WHEN (i.said ->> 'source_updated_at')::timestamptz < (to_jsonb(s.stored) ->> 'source_updated_at')::timestamptz THEN 'stale'
                  WHEN NOT %1$L THEN 'unchanged'
                  WHEN i.is_faulty THEN 'held'
                  WHEN to_jsonb(s.stored) -> 'source_doc' = i.document AND i.said <@ (to_jsonb(s.stored) -> 'source_fields') THEN 'unchanged'
                  ELSE 'updated' END AS verdict
      FROM unnest($3, $4, $5, $6, $7) WITH ORDINALITY AS i(said, said_if_new, document, is_faulty, is_faulty_if_new, ordinal)
      LEFT JOIN LATERAL (%2$s) s ON true),
    merged AS MATERIALIZED (
      SELECT j.ordinal, j.place, j.version, j.before, jsonb_populate_record(j.stored, n.news || jsonb_build_object(
               'tenant_id', $1, 'provider_id', $2, %3$L, j.said -> %3$L, 'source_doc', j.document,
               'source_fields', coalesce(nullif(j.before -> 'source_fields', 'null'), '{}') || j.said,
               'awaited_echo', NULL,
               'source_updated_at', coalesce(nullif(j.said -> 'source_updated_at', 'null'), j.before -> 'source_updated_at'),
               'metadata', coalesce(nullif(n.news -> 'metadata', 'null'), j.before -> 'metadata'), 'created_at', j.before -> 'created_at',
               'updated_at', CASE cmms.record_changes(j.before, j.before || n.news) WHEN '{}' THEN j.before -> 'updated_at' ELSE to_jsonb(now()) END)
             || CASE WHEN %4$L AND NOT EXISTS (SELECT FROM cmms.outbox q WHERE q.tenant_id = $1 AND q.resource = %5$L
                                               AND q.record_id::text = j.before ->> %6$L)
                     THEN jsonb_build_object('sync_state', 'synchronized', 'last_synced_at', now(), 'last_error', NULL,
                                             'last_error_class', NULL, 'last_error_detail', NULL) ELSE '{}' END) AS m
      FROM judged j CROSS JOIN LATERAL (
        SELECT coalesce(jsonb_object_agg(f.key, f.value), '{}') AS news FROM jsonb_each(j.said - %6$L) AS f(key, value)
        WHERE j.before -> 'source_fields' -> f.key IS DISTINCT FROM f.value) n
      WHERE j.verdict = 'updated'),
    updated AS (%7$s),
    inserted AS (
      INSERT INTO cmms.%5$I AS t (%8$s)
      SELECT %9$s FROM judged j CROSS JOIN LATERAL (
        SELECT jsonb_populate_record(NULL::cmms.%5$I, jsonb_build_object(
                 'metadata', '{}'::jsonb, 'sync_state', 'imported', 'last_synced_at', now(), 'created_at', now(), 'updated_at', now(),
                 'occurred_at', now(), 'author', $2, 'added_by', cmms.calling_role(), 'webhook_event_id', $8)
               || (SELECT coalesce(jsonb_object_agg(f.key, f.value), '{}') FROM jsonb_each(j.said_if_new) AS f(key, value) WHERE f.value <> 'null')
               || jsonb_build_object('tenant_id', $1, 'provider_id', $2, 'source_doc', j.document, 'source_fields', j.said_if_new)
               || CASE WHEN %5$L = 'comment' THEN '{}' ELSE jsonb_build_object(%6$L, gen_random_uuid()) END) AS m OFFSET 0) m
      WHERE j.verdict = 'created'
      ON CONFLICT (tenant_id, provider_id, %3$I) WHERE %3$I IS NOT NULL DO NOTHING
      RETURNING to_jsonb(t) AS after)
    SELECT j.verdict, coalesce(u.before, j.before) AS before, coalesce(u.after, i.after) AS after
    FROM judged j LEFT JOIN updated u ON u.ordinal = j.ordinal
    LEFT JOIN inserted i ON j.verdict = 'created' AND i.after -> %3$L = j.said_if_new -> %3$L
    ORDER BY j.ordinal$statement$,
    is_updatable, cmms.stored_record_query(resource, is_own_record), cmms.source_key(resource), is_own_record, resource,
    cmms.record_key(resource), update_statement, columns, columns_of_m);
END
$$;
COMMENT ON FUNCTION cmms.record_news_statement(text) IS 'The statement with which cmms.apply_record_news applies a batch of one resource. Internal.';

CREATE FUNCTION cmms.add_comment_events(comments jsonb[]) RETURNS void
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT cmms.add_event(w, 'work_order.updated', jsonb_build_object('cause', 'provider', 'changed', jsonb_build_array('comment'),
                                                                    'comment_id', c.comment -> 'comment_id'))
  FROM unnest(comments) AS c(comment)
  JOIN cmms.work_order w ON w.tenant_id = c.comment ->> 'tenant_id' AND w.common_work_order_id = (c.comment ->> 'common_work_order_id')::uuid
$$;
COMMENT ON FUNCTION cmms.add_comment_events(jsonb[]) IS 'Writes the events of comments (to_jsonb of the rows) that came from a provider, and tells who listens.';

CREATE FUNCTION cmms.apply_record_news(provider_id text, resource text, fields jsonb[], fields_if_new jsonb[], documents jsonb[],
                                       faulty boolean[], faulty_if_new boolean[], webhook_event_id bigint,
                                       OUT outcome text, OUT record_id text, OUT detail text) RETURNS SETOF record
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  tenant constant text := cmms.provider_tenant(apply_record_news.provider_id);
  source_key constant text := cmms.source_key(apply_record_news.resource);
  record_key constant text := cmms.record_key(apply_record_news.resource);
  item record;
  changed text[];
  created jsonb[] := '{}';
  before jsonb[] := '{}';
  after jsonb[] := '{}';
BEGIN
  IF cmms.change_origin() <> 'provider' THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = 'apply_record_news is internal to pg_cmms',
      HINT = 'Hand documents in with cmms.ingest_webhook.';
  END IF;
  FOR item IN EXECUTE cmms.record_news_statement(apply_record_news.resource)
    USING tenant, apply_record_news.provider_id, fields, fields_if_new, documents, faulty, faulty_if_new, apply_record_news.webhook_event_id
  LOOP
    outcome := item.verdict;
    record_id := coalesce(item.after, item.before) ->> record_key;
    detail := NULL;
    IF item.verdict IN ('created', 'updated') AND item.after IS NULL THEN
      outcome := NULL;  -- another session came in between
    ELSIF item.verdict = 'created' THEN
      created := created || item.after;
    ELSIF item.verdict = 'updated' THEN
      changed := cmms.record_changes(item.before, item.after);
      outcome := CASE WHEN item.before ->> source_key IS NULL THEN 'adopted' WHEN changed = '{}' THEN 'unchanged' ELSE 'updated' END;
      detail := CASE changed WHEN '{}' THEN 'no field changed' ELSE 'changed: ' || array_to_string(changed, ', ') END;
      before := before || item.before;
      after := after || item.after;
    ELSIF item.verdict = 'stale' THEN
      detail := to_char((item.before ->> 'source_updated_at')::timestamptz AT TIME ZONE 'UTC', '"the version of "YYYY-MM-DD"T"HH24:MI:SS.US"Z is stored"');
    END IF;
    RETURN NEXT;
  END LOOP;
  IF apply_record_news.resource = 'comment' THEN
    PERFORM cmms.add_comment_events(created || after);
  ELSE
    PERFORM cmms.add_record_events(apply_record_news.resource, apply_record_news.resource || '.created', NULL, created, 'provider');
    PERFORM cmms.add_record_events(apply_record_news.resource, apply_record_news.resource || '.updated', before, after, 'provider');
  END IF;
  -- An earlier version of the record could not be mapped.
  DELETE FROM cmms.held_record h
  USING unnest(created || after) AS d(row)
  WHERE h.tenant_id = tenant AND h.provider_id = apply_record_news.provider_id AND h.resource = apply_record_news.resource
    AND h.direction = 'inbound' AND h.source_record_id = d.row ->> source_key;
END
$$;
COMMENT ON FUNCTION cmms.apply_record_news(text, text, jsonb[], jsonb[], jsonb[], boolean[], boolean[], bigint) IS
'Inserts and changes assets, parts, persons, part transactions or comments by a provider''s documents. Internal: for pg_cmms itself, with change_origin() = ''provider''. Arrays of equal length, each record at most once: fields (mapped), fields_if_new (with the defaults of a new record), documents, and whether these fields have problems. Returns, in their order, the outcome created, updated, adopted (ours, found again), unchanged, stale, held (nothing was done: its fields have problems, or a comment''s order is not here) or null (changed by another session meanwhile: call again), our id of the record, and the reason. SQLSTATEs: 22xxx and 23xxx for values that no column takes, 55000 not called by pg_cmms.';

CREATE FUNCTION cmms.said_last(tenant_id text, provider_id text, resource text, source_record_id text) RETURNS jsonb
  STABLE LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  said jsonb;
BEGIN
  EXECUTE format('SELECT to_jsonb(r) -> ''source_fields'' FROM cmms.%I r WHERE r.tenant_id = $1 AND r.provider_id = $2 AND r.%I = $3',
                 said_last.resource, cmms.source_key(said_last.resource))
    INTO said USING said_last.tenant_id, said_last.provider_id, said_last.source_record_id;
  RETURN said;
END
$$;
COMMENT ON FUNCTION cmms.said_last(text, text, text, text) IS 'What a provider said last of an asset, a part, a person or a comment, mapped; null: it is not here. Internal: for previews.';
