-- Applying what providers say: the one way in for webhooks, polls, look-ups, push answers and reprocessed records.
-- A three-way merge: only a field in which the provider's document differs from its last one is news (work_order.source_fields),
-- so that the echo of our own push, or of a value that the provider knows more coarsely, changes nothing.

-- Keeps records that could not be mapped, and counts the values that no map translates.
CREATE FUNCTION cmms.hold_records(provider_id text, resource text, fields jsonb[], documents jsonb[], problems jsonb[],
                                  ordinals integer[], cause text, webhook_event_id bigint) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
  tenant constant text := cmms.provider_tenant(hold_records.provider_id);
  news integer[];
  exceptions bigint;
  last_event bigint;
BEGIN
  -- Seen again without a difference: nothing to count, nothing to tell.
  news := ARRAY(SELECT o FROM unnest(ordinals) o
                WHERE NOT EXISTS (SELECT FROM cmms.held_record h
                                  WHERE h.tenant_id = tenant AND h.provider_id = hold_records.provider_id
                                    AND h.resource = hold_records.resource AND h.direction = 'inbound'
                                    AND h.source_record_id = hold_records.fields[o] ->> 'source_work_order_id'
                                    AND h.document = documents[o] AND h.problems = hold_records.problems[o]));
  IF cardinality(news) = 0 THEN
    RETURN;
  END IF;
  UPDATE cmms.work_order w SET sync_state = 'held'
  FROM unnest(news) o
  WHERE w.tenant_id = tenant AND w.provider_id = hold_records.provider_id
    AND w.source_work_order_id = hold_records.fields[o] ->> 'source_work_order_id' AND w.sync_state IN ('imported', 'synchronized', 'stale');

  -- Of a record that is in the batch twice, the last is kept.
  INSERT INTO cmms.held_record AS h (tenant_id, provider_id, resource, direction, source_record_id, reason, problems, document, webhook_event_id)
  SELECT DISTINCT ON (coalesce(i.fields ->> 'source_work_order_id', '#' || i.ordinal))
         tenant, hold_records.provider_id, hold_records.resource, 'inbound', i.fields ->> 'source_work_order_id',
         (SELECT string_agg(p ->> 'message', '; ') FROM jsonb_array_elements(i.problems) p),
         i.problems, i.document, hold_records.webhook_event_id
  FROM unnest(hold_records.fields, documents, hold_records.problems) WITH ORDINALITY AS i(fields, document, problems, ordinal)
  WHERE i.ordinal = ANY (news)
  ORDER BY coalesce(i.fields ->> 'source_work_order_id', '#' || i.ordinal), i.ordinal DESC
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
           jsonb_build_object('direction', 'inbound', 'cause', cause, 'source_record_id', i.fields ->> 'source_work_order_id', 'problems', i.problems)
    FROM unnest(hold_records.fields, hold_records.problems) WITH ORDINALITY AS i(fields, problems, ordinal)
    WHERE i.ordinal = ANY (news)
    RETURNING e.event_id)
  SELECT count(*), max(w.event_id) INTO exceptions, last_event FROM written w;
  PERFORM cmms.notify_event('mapping.exception', tenant, hold_records.provider_id, exceptions, last_event);
END
$$;
COMMENT ON FUNCTION cmms.hold_records(text, text, jsonb[], jsonb[], jsonb[], integer[], text, bigint) IS
'Keeps those inbound records whose ordinals are given as held, counts their unmapped values and writes mapping.exception events. A record that is already held is replaced by its newer version.';

-- An order whose create had no answer, found again at the provider by our reference: what was sent need not be sent again.
CREATE FUNCTION cmms.settle_adopted(tenant_id text, record_id uuid, source_id text) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
  DELETE FROM cmms.outbox q
  WHERE q.tenant_id = settle_adopted.tenant_id AND q.resource = 'work_order' AND q.record_id = settle_adopted.record_id
    AND q.operation = 'create' AND q.state = 'in_doubt' AND q.change_seq = q.claimed_change_seq;
  -- A row in flight is left to the worker, which will be told the same.
  UPDATE cmms.outbox q
  SET operation = 'update', source_record_id = source_id, attempts = 0, lookups = 0, in_doubt_since = NULL,
      state = CASE q.state WHEN 'in_doubt' THEN 'pending' ELSE q.state END, next_attempt_at = now()
  WHERE q.tenant_id = settle_adopted.tenant_id AND q.resource = 'work_order' AND q.record_id = settle_adopted.record_id
    AND q.operation = 'create' AND q.state <> 'in_flight';
END
$$;
COMMENT ON FUNCTION cmms.settle_adopted(text, uuid, text) IS
'Settles the outbox row of an order that turned out to exist at the provider: a create in doubt without later changes is done, any other becomes an update.';

-- The writes of apply_records; they run with its rights and search path. Single-row statements: their plans are short,
-- never change, and find the row by its key whatever the table's size was when they were made.
CREATE FUNCTION cmms.insert_applied(merged cmms.work_order) RETURNS boolean
  LANGUAGE plpgsql AS $$
BEGIN
  -- Another session may be inserting the same record: its row wins, and this news is then applied to that.
  INSERT INTO cmms.work_order
    (tenant_id, provider_id, common_work_order_id, sync_state, last_synced_at,
     identifier, title, description, work_type, issue_type, asset_ref, location_ref, requester, assignees, vendors,
     common_status, source_status, priority, source_priority, planned_start_at, planned_end_at, actual_start_at, actual_end_at,
     sla_due_at, assigned_at, acknowledged_at, started_at, completed_at, closed_at, labor_cost, material_cost, total_cost,
     currency, nte_limit, nte_limit_original, nte_currency, metadata, source_work_order_id, source_updated_at, source_revision,
     source_doc, source_fields)
  VALUES
    (merged.tenant_id, merged.provider_id, merged.common_work_order_id, 'imported', pg_catalog.now(),
     merged.identifier, merged.title, merged.description, merged.work_type, merged.issue_type, merged.asset_ref,
     merged.location_ref, merged.requester, merged.assignees, merged.vendors, merged.common_status, merged.source_status,
     merged.priority, merged.source_priority, merged.planned_start_at, merged.planned_end_at, merged.actual_start_at,
     merged.actual_end_at, merged.sla_due_at, merged.assigned_at, merged.acknowledged_at, merged.started_at,
     merged.completed_at, merged.closed_at, merged.labor_cost, merged.material_cost, merged.total_cost, merged.currency,
     merged.nte_limit, merged.nte_limit_original, merged.nte_currency, merged.metadata, merged.source_work_order_id,
     merged.source_updated_at, merged.source_revision, merged.source_doc, merged.source_fields)
  ON CONFLICT DO NOTHING;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  INSERT INTO cmms.status_history (tenant_id, common_work_order_id, to_status, source_status, cause, changed_by)
  VALUES (merged.tenant_id, merged.common_work_order_id, merged.common_status, merged.source_status, 'provider', cmms.calling_role());
  RETURN true;
END
$$;
COMMENT ON FUNCTION cmms.insert_applied(cmms.work_order) IS 'Inserts an imported order with its first status; false if it is there already.';

CREATE FUNCTION cmms.update_applied(stored_status text, merged cmms.work_order, version xid) RETURNS boolean
  LANGUAGE plpgsql AS $$
BEGIN
  UPDATE cmms.work_order w
  SET sync_state = merged.sync_state, last_synced_at = pg_catalog.now(), updated_at = merged.updated_at,
      last_error = merged.last_error, last_error_class = merged.last_error_class, last_error_detail = merged.last_error_detail,
      identifier = merged.identifier, title = merged.title, description = merged.description, work_type = merged.work_type,
      issue_type = merged.issue_type, asset_ref = merged.asset_ref, location_ref = merged.location_ref,
      requester = merged.requester, assignees = merged.assignees, vendors = merged.vendors,
      common_status = merged.common_status, source_status = merged.source_status, priority = merged.priority,
      source_priority = merged.source_priority, planned_start_at = merged.planned_start_at,
      planned_end_at = merged.planned_end_at, actual_start_at = merged.actual_start_at, actual_end_at = merged.actual_end_at,
      sla_due_at = merged.sla_due_at, assigned_at = merged.assigned_at, acknowledged_at = merged.acknowledged_at,
      started_at = merged.started_at, completed_at = merged.completed_at, closed_at = merged.closed_at,
      labor_cost = merged.labor_cost, material_cost = merged.material_cost, total_cost = merged.total_cost,
      currency = merged.currency, nte_limit = merged.nte_limit, nte_limit_original = merged.nte_limit_original,
      nte_currency = merged.nte_currency, metadata = merged.metadata, source_work_order_id = merged.source_work_order_id,
      source_updated_at = merged.source_updated_at, source_revision = merged.source_revision, source_doc = merged.source_doc,
      source_fields = merged.source_fields
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

CREATE FUNCTION cmms.apply_records(provider_id text, resource text, fields jsonb[], documents jsonb[], problems jsonb[],
                                   cause text, webhook_event_id bigint DEFAULT NULL,
                                   OUT ordinal integer, OUT outcome text, OUT common_work_order_id uuid, OUT detail text)
  RETURNS SETOF record
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
  tenant constant text := cmms.provider_tenant(apply_records.provider_id);
  settled constant text[] := ARRAY['imported', 'synchronized', 'stale', 'rejected'];  -- nothing in the outbox
  held integer[] := '{}';
  event_types text[] := '{}';
  event_records uuid[] := '{}';
  event_details jsonb[] := '{}';
  said jsonb;               -- what the document says, mapped
  news jsonb;               -- what of it differs from the last document
  source_id text;
  stamp timestamptz;
  found_row record;
  stored cmms.work_order;
  merged cmms.work_order;
  outbox_state text;
  unsent_fields text[];
  all_sent boolean;
  changed text[];
BEGIN
  IF cmms.change_origin() <> 'provider' OR resource <> 'work_order' THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = 'apply_records is internal to pg_cmms',
      HINT = 'Hand documents in with cmms.ingest_webhook.';
  END IF;

  FOR i IN 1 .. coalesce(cardinality(fields), 0) LOOP
    ordinal := i;
    said := fields[i];
    source_id := said ->> 'source_work_order_id';
    stamp := (said ->> 'source_updated_at')::timestamptz;

    FOR pass IN 1 .. 20 LOOP
      detail := NULL;
      SELECT w AS whole, w.xmin AS version INTO found_row FROM cmms.work_order w
      WHERE w.tenant_id = tenant AND w.provider_id = apply_records.provider_id AND w.source_work_order_id = source_id;
      -- Ours, whose create had no answer. A reference in another record's text is a copy, not a claim: it has an id already.
      IF NOT FOUND AND said ? 'reference' THEN
        SELECT w AS whole, w.xmin AS version INTO found_row FROM cmms.work_order w
        WHERE w.tenant_id = tenant AND w.common_work_order_id = (said ->> 'reference')::uuid
          AND w.provider_id = apply_records.provider_id AND w.source_work_order_id IS NULL;
      END IF;
      stored := found_row.whole;
      common_work_order_id := stored.common_work_order_id;

      IF stamp < stored.source_updated_at THEN
        outcome := 'stale';
        detail := to_char(stored.source_updated_at AT TIME ZONE 'UTC', '"the version of "YYYY-MM-DD"T"HH24:MI:SS.US"Z is stored"');
        EXIT;
      ELSIF problems[i] IS NOT NULL THEN
        outcome := 'held';
        detail := (SELECT string_agg(p ->> 'message', '; ') FROM jsonb_array_elements(problems[i]) p);
        held := held || i;
        EXIT;
      ELSIF documents[i] = stored.source_doc AND said <@ stored.source_fields THEN
        outcome := 'unchanged';
        EXIT;
      END IF;

      IF common_work_order_id IS NULL THEN
        IF source_id IS NULL THEN
          RAISE EXCEPTION USING ERRCODE = 'WO104', MESSAGE = 'the record has no id',
            HINT = 'Map source_work_order_id to the field that carries the provider''s id.';
        ELSIF EXISTS (SELECT FROM cmms.outbox q WHERE q.provider_id = apply_records.provider_id
                      AND q.source_record_id = source_id AND q.operation = 'delete') THEN
          outcome := 'ignored';
          detail := 'its deletion waits to be sent';
          EXIT;
        END IF;
        merged := jsonb_populate_record(NULL::cmms.work_order, said);
        merged.tenant_id := tenant;
        merged.provider_id := apply_records.provider_id;
        merged.common_work_order_id := gen_random_uuid();
        merged.common_status := coalesce(merged.common_status, 'requested');
        merged.priority := coalesce(merged.priority, 'none');
        merged.metadata := coalesce(merged.metadata, '{}');
        merged.source_doc := documents[i];
        merged.source_fields := said;
        CONTINUE WHEN NOT cmms.insert_applied(merged);
        outcome := 'created';
        common_work_order_id := merged.common_work_order_id;
        event_types := event_types || 'work_order.created'::text;
        event_records := event_records || common_work_order_id;
        event_details := event_details || '{"cause": "provider"}'::jsonb;
      ELSE
        SELECT jsonb_object_agg(e.key, e.value) INTO news
        FROM jsonb_each(said) e WHERE e.value IS DISTINCT FROM stored.source_fields -> e.key;
        IF news IS NULL AND stored.source_work_order_id IS NOT NULL AND (stamp IS NULL OR stamp = stored.source_updated_at) THEN
          outcome := 'unchanged';
          EXIT;
        END IF;
        outbox_state := NULL;
        IF stored.sync_state <> ALL (settled) THEN
          SELECT q.state, q.changed_fields, q.change_seq = q.claimed_change_seq INTO outbox_state, unsent_fields, all_sent FROM cmms.outbox q
          WHERE q.tenant_id = tenant AND q.resource = 'work_order' AND q.record_id = stored.common_work_order_id;
          news := news - coalesce(unsent_fields, '{}');
        END IF;
        IF news <> '{}' THEN
          news := news - ARRAY(SELECT m.target FROM cmms.field_map m
                               WHERE m.provider_id = apply_records.provider_id AND m.resource = 'work_order'
                                 AND m.direction = 'inbound' AND m.owner IN ('hub', 'manual'));
        END IF;
        merged := jsonb_populate_record(stored, coalesce(news, '{}'));
        merged.tenant_id := tenant;
        merged.common_work_order_id := common_work_order_id;
        merged.common_status := coalesce(merged.common_status, stored.common_status);
        merged.priority := coalesce(merged.priority, stored.priority);
        merged.metadata := coalesce(merged.metadata, '{}');
        merged.source_work_order_id := source_id;
        merged.source_updated_at := coalesce(stamp, stored.source_updated_at);
        merged.source_doc := documents[i];
        merged.source_fields := coalesce(stored.source_fields || said, said);
        IF merged.common_status <> stored.common_status THEN
          merged := cmms.stamp_status(stored, merged, coalesce(stamp, now()));
        END IF;
        changed := cmms.work_order_changes(stored, merged);
        merged.updated_at := CASE changed WHEN '{}' THEN stored.updated_at ELSE now() END;
        -- What waits to be sent, or was refused, keeps its state: this was not about it.
        IF outbox_state IS NULL AND stored.sync_state <> 'rejected' OR outbox_state = 'in_doubt' AND all_sent THEN
          merged.sync_state := 'synchronized';
          merged.last_error := NULL; merged.last_error_class := NULL; merged.last_error_detail := NULL;
        ELSIF outbox_state = 'in_doubt' THEN
          merged.sync_state := 'pending';
        ELSE
          merged.sync_state := stored.sync_state;
        END IF;
        CONTINUE WHEN NOT cmms.update_applied(stored.common_status, merged, found_row.version);

        outcome := CASE WHEN stored.source_work_order_id IS NULL THEN 'adopted' WHEN changed = '{}' THEN 'unchanged' ELSE 'updated' END;
        detail := CASE changed WHEN '{}' THEN 'no field changed' ELSE 'changed: ' || array_to_string(changed, ', ') END;
        IF stored.source_work_order_id IS NULL THEN
          PERFORM cmms.settle_adopted(tenant, common_work_order_id, source_id);
        END IF;
        IF changed <> '{}' THEN
          event_types := event_types || cmms.update_event_type(stored.common_status, merged.common_status);
          event_records := event_records || common_work_order_id;
          event_details := event_details || cmms.update_event_detail('provider', changed, stored.common_status, merged.common_status);
        END IF;
      END IF;

      IF stored.sync_state = 'held' OR stored.sync_state IS NULL THEN
        DELETE FROM cmms.held_record h
        WHERE h.tenant_id = tenant AND h.provider_id = apply_records.provider_id AND h.resource = 'work_order'
          AND h.direction = 'inbound' AND h.source_record_id = source_id;
      END IF;
      EXIT;
    END LOOP;
    IF outcome IS NULL THEN
      RAISE EXCEPTION USING ERRCODE = 'serialization_failure', MESSAGE = format('record %s is being changed by others', source_id);
    END IF;
    RETURN NEXT;
    outcome := NULL;
  END LOOP;

  IF cardinality(held) > 0 THEN
    PERFORM cmms.hold_records(apply_records.provider_id, apply_records.resource, fields, documents, problems, held, cause,
                              apply_records.webhook_event_id);
  END IF;
  IF cardinality(event_types) > 0 THEN
    PERFORM cmms.write_events(tenant, apply_records.provider_id, event_types, event_records, event_details);
  END IF;
END
$$;
COMMENT ON FUNCTION cmms.apply_records(text, text, jsonb[], jsonb[], jsonb[], text, bigint) IS
'Applies mapped records of a provider. Internal: for pg_cmms itself, with change_origin() = ''provider''. resource: work_order. Arrays of equal length: fields (columns of work_order, source_work_order_id, source_updated_at and so on; an absent key keeps, null clears; "reference": our id found in the record), documents (as they arrived), problems (null or an array of what could not be mapped). cause: webhook, poll, lookup, push or reprocess. webhook_event_id: the delivery they came with. Returns one row for each input, in order: outcome created, updated, adopted (ours, found again), unchanged, stale (older than what is stored), held or ignored; our id; the reason. One bad record fails the whole call. SQLSTATEs: WO001 no such server, WO104 record without an id, 22xxx and 23xxx for values that no column takes, 40001 after 20 concurrent changes, 55000 not called by pg_cmms.';
