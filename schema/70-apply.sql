-- Applying what providers say: the one way in for webhooks, polls, look-ups, push answers and reprocessed records.
-- A three-way merge: only a field in which the provider's document differs from its last one is news (work_order.source_fields),
-- so that the echo of our own push, or of a value that the provider knows more coarsely, changes nothing.

-- Keeps records that could not be mapped, and counts the values that no map translates.
CREATE FUNCTION cmms.hold_records(provider_id text, resource text, fields jsonb[], documents jsonb[], problems jsonb[],
                                  cause text, webhook_event_id bigint) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
  tenant constant text := cmms.provider_tenant(hold_records.provider_id);
  source_key constant text := 'source_' || hold_records.resource || '_id';
  news integer[];
  exceptions bigint;
  last_event bigint;
BEGIN
  -- Seen again without a difference: nothing to count, nothing to tell.
  news := ARRAY(SELECT o FROM generate_subscripts(documents, 1) o
                WHERE NOT EXISTS (SELECT FROM cmms.held_record h
                                  WHERE h.tenant_id = tenant AND h.provider_id = hold_records.provider_id
                                    AND h.resource = hold_records.resource AND h.direction = 'inbound'
                                    AND (h.source_record_id = hold_records.fields[o] ->> source_key
                                         OR h.source_record_id IS NULL AND hold_records.fields[o] ->> source_key IS NULL)
                                    AND h.document = documents[o] AND h.problems = hold_records.problems[o]));
  IF cardinality(news) = 0 THEN
    RETURN;
  END IF;
  IF hold_records.resource = 'work_order' THEN
    UPDATE cmms.work_order w SET sync_state = 'held'
    FROM unnest(news) o
    WHERE w.tenant_id = tenant AND w.provider_id = hold_records.provider_id
      AND w.source_work_order_id = hold_records.fields[o] ->> 'source_work_order_id' AND w.sync_state IN ('imported', 'synchronized', 'stale');
  ELSIF hold_records.resource IN ('asset', 'part', 'person') THEN
    EXECUTE format('UPDATE cmms.%I r SET sync_state = ''held'' FROM unnest($1) o WHERE r.tenant_id = $2 AND r.provider_id = $3'
                   || ' AND r.%I = o ->> %L AND r.sync_state IN (''imported'', ''synchronized'')', hold_records.resource, source_key, source_key)
      USING hold_records.fields, tenant, hold_records.provider_id;
  END IF;

  -- Of a record that is in the batch twice, the last is kept.
  INSERT INTO cmms.held_record AS h (tenant_id, provider_id, resource, direction, source_record_id, reason, problems, document, webhook_event_id)
  SELECT DISTINCT ON (coalesce(i.fields ->> source_key, '#' || i.ordinal))
         tenant, hold_records.provider_id, hold_records.resource, 'inbound', i.fields ->> source_key,
         (SELECT string_agg(p ->> 'message', '; ') FROM jsonb_array_elements(i.problems) p),
         i.problems, i.document, hold_records.webhook_event_id
  FROM unnest(hold_records.fields, documents, hold_records.problems) WITH ORDINALITY AS i(fields, document, problems, ordinal)
  WHERE i.ordinal = ANY (news)
  ORDER BY coalesce(i.fields ->> source_key, '#' || i.ordinal), i.ordinal DESC
  ON CONFLICT (tenant_id, provider_id, resource, direction, source_record_id) DO UPDATE
    SET reason = excluded.reason, problems = excluded.problems, document = excluded.document,
        webhook_event_id = excluded.webhook_event_id, held_at = now();

  INSERT INTO cmms.unmapped_value AS u (tenant_id, provider_id, resource, vocabulary, direction, value, occurrences, sample)
  SELECT tenant, hold_records.provider_id, hold_records.resource, p ->> 'vocabulary', 'inbound', p ->> 'value', count(*),
         (array_agg(i.document))[1]
  FROM unnest(documents, hold_records.problems) WITH ORDINALITY AS i(document, problems, ordinal), jsonb_array_elements(i.problems) p
  WHERE i.ordinal = ANY (news) AND p ->> 'kind' = 'unmapped_value'
  GROUP BY p ->> 'vocabulary', p ->> 'value'
  ON CONFLICT (tenant_id, provider_id, resource, vocabulary, direction, value) DO UPDATE
    SET occurrences = u.occurrences + excluded.occurrences, last_seen_at = now(), sample = excluded.sample;

  WITH written AS (
    INSERT INTO cmms.event AS e (tenant_id, event_type, provider_id, resource, detail)
    SELECT tenant, 'mapping.exception', hold_records.provider_id, hold_records.resource,
           jsonb_build_object('direction', 'inbound', 'cause', cause, 'source_record_id', i.fields ->> source_key, 'problems', i.problems)
    FROM unnest(hold_records.fields, hold_records.problems) WITH ORDINALITY AS i(fields, problems, ordinal)
    WHERE i.ordinal = ANY (news)
    RETURNING e.event_id)
  SELECT count(*), max(w.event_id) INTO exceptions, last_event FROM written w;
  PERFORM cmms.notify_event('mapping.exception', tenant, hold_records.provider_id, exceptions, last_event);
END
$$;
COMMENT ON FUNCTION cmms.hold_records(text, text, jsonb[], jsonb[], jsonb[], text, bigint) IS
'Keeps inbound records as held, counts their unmapped values and writes mapping.exception events. A record that is already held is replaced by its newer version. Arrays of equal length.';

-- An order whose create had no answer, found again at the provider by our reference: what was sent need not be sent again. A status that
-- the provider does not show yet may still have to be walked to.
CREATE FUNCTION cmms.settle_adopted(tenant_id text, record_id uuid, source_id text, status_follows boolean) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
  DELETE FROM cmms.outbox q
  WHERE q.tenant_id = settle_adopted.tenant_id AND q.resource = 'work_order' AND q.record_id = settle_adopted.record_id
    AND q.operation = 'create' AND q.state = 'in_doubt' AND q.change_seq = q.claimed_change_seq AND NOT status_follows;
  -- A row in flight is left to the worker, which sees that the order is known by now, and by this that it has still to walk.
  UPDATE cmms.outbox q SET source_record_id = source_id
  WHERE q.tenant_id = settle_adopted.tenant_id AND q.resource = 'work_order' AND q.record_id = settle_adopted.record_id
    AND q.operation = 'create' AND q.state = 'in_flight' AND status_follows;
  UPDATE cmms.outbox q
  SET operation = 'update', source_record_id = source_id, attempts = 0, lookups = 0, in_doubt_since = NULL, accepted_at = NULL,
      changed_fields = CASE WHEN q.state = 'in_doubt' AND q.change_seq = q.claimed_change_seq THEN '{common_status}' ELSE q.changed_fields END,
      state = CASE WHEN q.state <> 'in_doubt' THEN q.state WHEN q.change_seq = q.claimed_change_seq THEN 'pending'
                   ELSE cmms.unsent_state(q.provider_id) END,
      next_attempt_at = now()
  WHERE q.tenant_id = settle_adopted.tenant_id AND q.resource = 'work_order' AND q.record_id = settle_adopted.record_id
    AND q.operation = 'create' AND q.state <> 'in_flight';
END
$$;
COMMENT ON FUNCTION cmms.settle_adopted(text, uuid, text, boolean) IS
'Settles the outbox row of an order that turned out to exist at the provider: a create in doubt without later changes is done, any other becomes an update; one whose answer or look-up is under way is settled by the worker. status_follows: the provider shows another status than the order''s, which is then sent. Internal.';

-- A provider whose records do not carry our reference may show one in a poll before the answer to its creation is known: then it is an
-- imported order of its own by now.
CREATE FUNCTION cmms.absorb_import(tenant_id text, provider_id text, record_id uuid, source_id text) RETURNS boolean
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  twin uuid;
BEGIN
  SELECT w.common_work_order_id INTO twin FROM cmms.work_order w
  WHERE w.tenant_id = absorb_import.tenant_id AND w.provider_id = absorb_import.provider_id AND w.source_work_order_id = source_id
    AND w.common_work_order_id <> record_id
    -- What somebody has changed there as well is not ours to throw away.
    AND NOT EXISTS (SELECT FROM cmms.outbox q
                    WHERE q.tenant_id = w.tenant_id AND q.resource = 'work_order' AND q.record_id = w.common_work_order_id)
  FOR UPDATE;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  UPDATE cmms.comment c SET common_work_order_id = record_id
  WHERE c.tenant_id = absorb_import.tenant_id AND c.common_work_order_id = twin;
  UPDATE cmms.attachment a SET common_work_order_id = record_id
  WHERE a.tenant_id = absorb_import.tenant_id AND a.common_work_order_id = twin;
  DELETE FROM cmms.work_order w WHERE w.tenant_id = absorb_import.tenant_id AND w.common_work_order_id = twin;
  -- The import's news goes with it, and the poll is past it.
  PERFORM cmms.queue_read_backs(absorb_import.tenant_id, absorb_import.provider_id, 'work_order', ARRAY[source_id]);
  RETURN true;
END
$$;
COMMENT ON FUNCTION cmms.absorb_import(text, text, uuid, text) IS
'Removes the order that a provider''s record was imported as, because the record turned out to be that of another order of ours; comments and attachments move there, an event work_order.deleted tells it, and the record is read again. Returns whether there was one. Internal: for the worker.';

-- The two halves of apply_news; they run with its rights and search path.
CREATE FUNCTION cmms.merge_news(stored cmms.work_order, news jsonb, said jsonb, stamp timestamptz) RETURNS cmms.work_order
  STABLE LANGUAGE plpgsql AS $$
DECLARE
  merged cmms.work_order := pg_catalog.jsonb_populate_record(stored, news);
BEGIN
  merged.tenant_id := stored.tenant_id;
  merged.common_work_order_id := stored.common_work_order_id;
  merged.sync_state := stored.sync_state;
  merged.common_status := coalesce(merged.common_status, stored.common_status);
  merged.priority := coalesce(merged.priority, stored.priority);
  merged.metadata := coalesce(merged.metadata, '{}');
  merged.source_work_order_id := said ->> 'source_work_order_id';
  merged.source_updated_at := coalesce(stamp, stored.source_updated_at);
  merged.source_fields := coalesce(stored.source_fields || said, said);
  IF merged.common_status <> stored.common_status THEN
    merged := cmms.stamp_status(stored, merged, coalesce(stamp, pg_catalog.now()));
  END IF;
  RETURN merged;
END
$$;
COMMENT ON FUNCTION cmms.merge_news(cmms.work_order, jsonb, jsonb, timestamptz) IS
'The order with the news taken over, and with what its provider said last.';

CREATE FUNCTION cmms.update_applied(stored_status text, merged cmms.work_order, version xid) RETURNS boolean
  LANGUAGE plpgsql AS $$
BEGIN
  UPDATE cmms.work_order w
  SET sync_state = merged.sync_state, last_synced_at = pg_catalog.now(), updated_at = merged.updated_at,
      last_error = merged.last_error, last_error_class = merged.last_error_class, last_error_detail = merged.last_error_detail,
      identifier = merged.identifier, title = merged.title, description = merged.description, work_type = merged.work_type,
      issue_type = merged.issue_type, asset_ref = merged.asset_ref, location_ref = merged.location_ref,
      requester = merged.requester, assignees = merged.assignees, vendors = merged.vendors,
      common_status = merged.common_status, source_status = merged.source_status,
      source_allowed_statuses = merged.source_allowed_statuses, priority = merged.priority,
      source_priority = merged.source_priority, planned_start_at = merged.planned_start_at,
      planned_end_at = merged.planned_end_at, actual_start_at = merged.actual_start_at, actual_end_at = merged.actual_end_at,
      sla_due_at = merged.sla_due_at, assigned_at = merged.assigned_at, acknowledged_at = merged.acknowledged_at,
      started_at = merged.started_at, completed_at = merged.completed_at, closed_at = merged.closed_at,
      labor_cost = merged.labor_cost, material_cost = merged.material_cost, total_cost = merged.total_cost,
      currency = merged.currency, nte_limit = merged.nte_limit, nte_limit_original = merged.nte_limit_original,
      nte_currency = merged.nte_currency, metadata = merged.metadata, source_work_order_id = merged.source_work_order_id,
      source_updated_at = merged.source_updated_at, source_revision = merged.source_revision, source_doc = merged.source_doc,
      source_fields = merged.source_fields, awaited_echo = merged.awaited_echo
  WHERE w.tenant_id = merged.tenant_id AND w.common_work_order_id = merged.common_work_order_id AND w.xmin = version;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  IF merged.common_status <> stored_status THEN
    UPDATE cmms.status_history h SET left_at = pg_catalog.now()
    WHERE h.tenant_id = merged.tenant_id AND h.common_work_order_id = merged.common_work_order_id AND h.left_at IS NULL;
    INSERT INTO cmms.status_history (tenant_id, common_work_order_id, from_status, to_status, source_status, cause, changed_by)
    VALUES (merged.tenant_id, merged.common_work_order_id, stored_status, merged.common_status, merged.source_status, 'provider',
            cmms.calling_role());
  END IF;
  RETURN true;
END
$$;
COMMENT ON FUNCTION cmms.update_applied(text, cmms.work_order, xid) IS 'Updates an order with a provider''s news, and its status history; false if somebody changed it since it was read.';

-- Changes a stored order by what is news in a document. New orders are made by the library, with one statement.
CREATE FUNCTION cmms.apply_news(tenant_id text, record_id uuid, version xid, said jsonb, document jsonb, news jsonb,
                                withdrawn text[], conflicts jsonb, map_version integer, status_follows boolean,
                                OUT outcome text, OUT detail text, OUT event_type text, OUT event_id bigint)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
  settled constant text[] := ARRAY['imported', 'synchronized', 'stale', 'rejected'];  -- nothing in the outbox
  stamp constant timestamptz := said ->> 'source_updated_at';
  stored cmms.work_order;
  merged cmms.work_order;
  outbox_state text;
  all_sent boolean;
  open_conflicts bigint := 0;
  changed text[];
BEGIN
  IF cmms.change_origin() <> 'provider' THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = 'apply_news is internal to pg_cmms',
      HINT = 'Hand documents in with cmms.ingest_webhook.';
  END IF;
  SELECT w.* INTO stored FROM cmms.work_order w
  WHERE w.tenant_id = apply_news.tenant_id AND w.common_work_order_id = record_id AND w.xmin = version;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  IF conflicts IS NOT NULL THEN
    open_conflicts := cmms.add_conflicts(apply_news.tenant_id, stored.provider_id, record_id, conflicts, map_version);
  END IF;
  IF stored.sync_state <> ALL (settled) AND (withdrawn IS NULL OR NOT cmms.withdraw_fields(apply_news.tenant_id, record_id, withdrawn)) THEN
    SELECT q.state, q.change_seq = q.claimed_change_seq AND NOT status_follows INTO outbox_state, all_sent
    FROM cmms.outbox q
    WHERE q.tenant_id = apply_news.tenant_id AND q.resource = 'work_order' AND q.record_id = apply_news.record_id;
  END IF;

  merged := cmms.merge_news(stored, news, said, stamp);
  merged.source_doc := document;
  changed := cmms.work_order_changes(stored, merged);
  IF changed = '{}' OR changed && stored.awaited_echo THEN
    merged.awaited_echo := NULL;
  END IF;
  merged.updated_at := CASE changed WHEN '{}' THEN stored.updated_at ELSE now() END;
  -- What waits to be sent, or was refused, keeps its state: this was not about it.
  IF open_conflicts > 0 OR stored.last_error_class = 'conflict' AND cmms.has_open_conflict(apply_news.tenant_id, record_id) THEN
    merged.sync_state := CASE WHEN outbox_state IS NULL THEN 'stale' ELSE stored.sync_state END;
    merged.last_error := 'changed here and at the provider: decide with cmms.resolve'; merged.last_error_class := 'conflict';
  ELSIF outbox_state IS NULL AND stored.sync_state <> 'rejected' OR outbox_state = 'in_doubt' AND all_sent THEN
    merged.sync_state := 'synchronized';
    merged.last_error := NULL; merged.last_error_class := NULL; merged.last_error_detail := NULL;
  ELSIF outbox_state = 'in_doubt' THEN
    merged.sync_state := cmms.unsent_state(stored.provider_id);
  END IF;
  IF NOT cmms.update_applied(stored.common_status, merged, version) THEN
    IF conflicts IS NULL AND withdrawn IS NULL THEN
      RETURN;  -- nothing is written yet, and the caller looks at the order anew
    END IF;
    RAISE EXCEPTION USING ERRCODE = 'serialization_failure', MESSAGE = format('work order %s changed meanwhile', record_id);
  END IF;

  outcome := CASE WHEN stored.source_work_order_id IS NULL THEN 'adopted' WHEN changed = '{}' THEN 'unchanged' ELSE 'updated' END;
  detail := CASE changed WHEN '{}' THEN 'no field changed' ELSE 'changed: ' || array_to_string(changed, ', ') END
            || CASE WHEN open_conflicts > 0 THEN '; a conflict waits for cmms.resolve' ELSE '' END;
  IF stored.awaited_echo IS NOT NULL AND (changed = '{}' OR changed && stored.awaited_echo) THEN
    PERFORM cmms.count_echo(stored.provider_id, is_near_miss => changed <> '{}');
  END IF;
  IF stored.source_work_order_id IS NULL THEN
    PERFORM cmms.settle_adopted(apply_news.tenant_id, record_id, merged.source_work_order_id, status_follows);
  END IF;
  IF changed <> '{}' THEN
    event_type := cmms.update_event_type(stored.common_status, merged.common_status);
    INSERT INTO cmms.event AS e (tenant_id, event_type, provider_id, record_id, detail)
    VALUES (apply_news.tenant_id, apply_news.event_type, stored.provider_id, apply_news.record_id,
            cmms.update_event_detail('provider', changed, stored.common_status, merged.common_status)
            || jsonb_build_object('map_version', map_version))
    RETURNING e.event_id INTO event_id;
  END IF;
  IF stored.sync_state = 'held' THEN
    DELETE FROM cmms.held_record h
    WHERE h.tenant_id = apply_news.tenant_id AND h.provider_id = stored.provider_id AND h.resource = 'work_order'
      AND h.direction = 'inbound' AND h.source_record_id = merged.source_work_order_id;
  END IF;
END
$$;
COMMENT ON FUNCTION cmms.apply_news(text, uuid, xid, jsonb, jsonb, jsonb, text[], jsonb, integer, boolean) IS
'Changes a stored order by a provider''s document. Internal: for pg_cmms itself, with change_origin() = ''provider''. version: xmin of the order as it was found. said: the document mapped (columns of work_order, source_work_order_id, source_updated_at and so on). news: what of it becomes ours (an absent key keeps, null clears). withdrawn: fields that need not be sent any more. conflicts: as for cmms.add_conflicts. status_follows: the order is one of ours found again, and the provider does not show its status yet. Returns the outcome updated, adopted (ours, found again) or unchanged, null if somebody changed the order meanwhile; the reason; the event written. SQLSTATEs: 22xxx and 23xxx for values that no column takes, 40001 the order changed meanwhile, 55000 not called by pg_cmms.';
