-- Retention: weekly partitions are made ahead and dropped by age, other rows that are history are deleted by age in small batches.
-- What belongs to a record (status history, comments, stock movements), waits for somebody (the outbox, what is held, open conflicts)
-- or is configuration stays for as long as that does.

CREATE FUNCTION cmms.partitioned_table() RETURNS TABLE (name text, key text)
  IMMUTABLE LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
  VALUES ('event', 'occurred_at'), ('sync_log_success', 'logged_at'), ('sync_log_failure', 'logged_at'), ('audit_log', 'at')
$$;
COMMENT ON FUNCTION cmms.partitioned_table() IS 'Tables that are partitioned by week, and the column that says when. Each has a default partition of its name and "_default".';

CREATE FUNCTION cmms.maintain_partitions(weeks_ahead integer DEFAULT 2) RETURNS integer
  LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '100ms' AS $$
DECLARE
  target record;
  partition text;
  occupied boolean;
  made integer := 0;
BEGIN
  FOR target IN
    SELECT p.name AS parent, p.key, w.begins
    FROM cmms.partitioned_table() p(name, key),
         -- Never the current week: a row on its way to the default partition while its week is attached would be refused.
         generate_series(date_trunc('week', now()) + interval '1 week',
                         date_trunc('week', now()) + least(greatest(weeks_ahead, 1), 52) * interval '1 week', interval '1 week') AS w(begins)
    ORDER BY w.begins
  LOOP
    partition := target.parent || '_' || to_char(target.begins, 'IYYY"w"IW');
    CONTINUE WHEN to_regclass(format('cmms.%I', partition)) IS NOT NULL;
    BEGIN
      EXECUTE format('SELECT EXISTS (SELECT FROM cmms.%I WHERE %I >= $1 AND %I < $2)', target.parent || '_default', target.key, target.key)
        INTO occupied USING target.begins, target.begins + interval '1 week';
      IF occupied THEN
        RAISE DEBUG 'partition %.% is not made: rows of its week are in the default partition', 'cmms', partition;
        CONTINUE;
      END IF;
      -- Attaching locks the parent less than CREATE ... PARTITION OF would.
      EXECUTE format('CREATE TABLE cmms.%I (LIKE cmms.%I INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES)',
                     partition, target.parent || '_default');
      EXECUTE format('ALTER TABLE cmms.%I ATTACH PARTITION cmms.%I FOR VALUES FROM (%L) TO (%L)',
                     target.parent, partition, target.begins, target.begins + interval '1 week');
      EXECUTE format('COMMENT ON TABLE cmms.%I IS %L', partition,
                     format('Week of %s of cmms.%s, UTC.', target.begins::date, target.parent));
      made := made + 1;
    EXCEPTION WHEN lock_not_available OR deadlock_detected OR check_violation OR duplicate_table THEN
      RAISE NOTICE 'partition %.% is not made now: %', 'cmms', partition, SQLERRM;
    END;
  END LOOP;
  RETURN made;
END
$$;
COMMENT ON FUNCTION cmms.maintain_partitions(integer) IS
'Makes the weekly partitions (UTC) of event, sync_log (successes and failures) and audit_log for the next weeks_ahead weeks (1 to 52), never for the current one; returns how many. A week that already has rows in the default partition, or a table that is locked, is skipped. Called by the worker.';

CREATE FUNCTION cmms.retention_rule()
  RETURNS TABLE (step integer, relation text, removes text, keeps interval, keeps_failures interval, expired text)
  STABLE LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
  WITH days AS (
    SELECT s.name, nullif(current_setting(format('cmms.%s_retention', s.name))::integer, 0) AS number
    FROM unnest(ARRAY['event', 'sync_log', 'failure', 'audit_log', 'webhook_event']) s(name)),
  -- Failures are never kept for less than what went well.
  period AS (
    SELECT d.name, make_interval(days => d.number) AS keeps,
           make_interval(days => CASE WHEN d.number IS NOT NULL AND f.number IS NOT NULL THEN greatest(d.number, f.number) END) AS keeps_failures
    FROM days d, days f WHERE f.name = 'failure'),
  rule AS (
    SELECT 1 AS kind, 'webhook_event' AS relation, 'rows' AS removes, 'webhook_event' AS period,
           'received_at < now() - CASE WHEN processed_at IS NULL OR outcome IN (''held'', ''rejected'', ''malformed'', ''too_large'', ''failed'')'
           || ' THEN $2 ELSE $1 END AND (outcome <> ''held'' OR webhook_event_id NOT IN'
           || ' (SELECT h.webhook_event_id FROM cmms.held_record h WHERE h.webhook_event_id IS NOT NULL))' AS expired
    UNION ALL
    SELECT 1, 'conflict', 'rows', 'audit_log', 'resolved_at < now() - $1'
    UNION ALL
    SELECT k.kind, p.name || CASE k.kind WHEN 2 THEN '_default' ELSE '' END, CASE k.kind WHEN 2 THEN 'rows' ELSE 'partitions' END,
           regexp_replace(p.name, '_(success|failure)$', ''),
           format('%I < now() - $1', p.key)
    FROM cmms.partitioned_table() p, (VALUES (2), (3)) k(kind))
  -- Partitions last: dropping one locks its table until the end of the transaction.
  SELECT row_number() OVER (ORDER BY r.kind, r.relation)::integer, r.relation, r.removes,
         CASE WHEN r.relation ^@ 'sync_log_failure' THEN p.keeps_failures ELSE p.keeps END,
         CASE r.relation WHEN 'webhook_event' THEN p.keeps_failures END, r.expired
  FROM rule r JOIN period p ON p.name = r.period
$$;
COMMENT ON FUNCTION cmms.retention_rule() IS
'What cmms.apply_retention removes, in this order: relation (with its schema cmms), removes (rows or partitions), keeps (as the settings cmms.*_retention say; null: for ever), keeps_failures (of a table that has both kinds of rows), expired (the condition in SQL; $1 is keeps, $2 keeps_failures).';

CREATE FUNCTION cmms.delete_expired(rule_number integer, INOUT block bigint, OUT removed bigint)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  rule record;
  blocks_at_once constant bigint := 64;
  rows_at_once constant bigint := 1000;
  blocks bigint;
BEGIN
  SELECT r.* INTO STRICT rule FROM cmms.retention_rule() r WHERE r.step = rule_number;
  -- By place instead of by time: each step costs the same, without an index, and what an old snapshot keeps from being vacuumed
  -- is not read again by the next.
  EXECUTE format('DELETE FROM cmms.%1$I t WHERE t.ctid = ANY (ARRAY('
                 || 'SELECT x.ctid FROM cmms.%1$I x WHERE x.ctid >= $3 AND x.ctid < $4 AND (%2$s) LIMIT $5))', rule.relation, rule.expired)
    USING rule.keeps, rule.keeps_failures, format('(%s,0)', block)::tid, format('(%s,0)', block + blocks_at_once)::tid, rows_at_once;
  GET DIAGNOSTICS removed = ROW_COUNT;
  blocks := pg_relation_size(format('cmms.%I', rule.relation)::regclass) / current_setting('block_size')::bigint;
  IF removed < rows_at_once THEN
    block := nullif(least(block + blocks_at_once, blocks), blocks);
  END IF;
END
$$;
COMMENT ON FUNCTION cmms.delete_expired(integer, bigint) IS
'One step of a rule of cmms.retention_rule that removes rows: looks at 64 blocks of its table, beginning with block, and deletes at most 1,000 rows. Returns how many, and the block to go on with; null: that was the end. Internal.';

CREATE FUNCTION cmms.drop_expired(rule_number integer, OUT dropped text, OUT locked text)
  LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '50ms' AS $$
DECLARE
  rule record;
  partition text;
BEGIN
  SELECT r.* INTO STRICT rule FROM cmms.retention_rule() r WHERE r.step = rule_number;
  FOR partition IN
    SELECT b.relname
    FROM (SELECT c.relname, (regexp_match(pg_get_expr(c.relpartbound, c.oid), $re$ TO \('([^']+)'\)$re$))[1]::timestamptz AS ends
          FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
          WHERE i.inhparent = format('cmms.%I', rule.relation)::regclass) b
    WHERE b.ends <= now() - rule.keeps
    ORDER BY b.ends
  LOOP
    BEGIN
      locked := rule.relation;
      -- Whoever writes to the table waits behind this, so not for long; and then the partition must be free.
      EXECUTE format('LOCK TABLE ONLY cmms.%I IN ACCESS EXCLUSIVE MODE', rule.relation);
      locked := partition;
      EXECUTE format('LOCK TABLE cmms.%I IN ACCESS EXCLUSIVE MODE NOWAIT', partition);
      EXECUTE format('DROP TABLE cmms.%I', partition);
      dropped := partition;
      RETURN;
    EXCEPTION
      WHEN lock_not_available OR deadlock_detected THEN
        EXIT WHEN locked = rule.relation;
      WHEN undefined_table THEN  -- another round, by hand or by the worker, was quicker
        locked := NULL;
      WHEN dependent_objects_still_exist THEN
        RAISE WARNING 'partition cmms.% is not dropped: %', quote_ident(partition), SQLERRM
          USING HINT = 'Drop what depends on it, and it goes the next time.';
        locked := NULL;
    END;
  END LOOP;
END
$$;
COMMENT ON FUNCTION cmms.drop_expired(integer) IS
'One step of a rule of cmms.retention_rule that removes partitions: drops the oldest one that has expired and is not in use. Returns its name, null where there is none, and in locked a table that is in use. Waits for nobody longer than 50 ms. Internal.';

CREATE FUNCTION cmms.retention_step(INOUT step integer, INOUT block bigint, OUT relation text, OUT action text, OUT removed bigint)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '50ms' AS $$
DECLARE
  rule record;
  outcome record;
BEGIN
  SELECT r.step, r.relation, r.removes INTO rule FROM cmms.retention_rule() r WHERE r.step >= coalesce(retention_step.step, 1) ORDER BY r.step LIMIT 1;
  relation := rule.relation;
  removed := 0;
  BEGIN
    IF rule.removes = 'rows' THEN
      SELECT d.block, d.removed INTO block, removed FROM cmms.delete_expired(rule.step, coalesce(retention_step.block, 0)) d;
      action := 'deleted';
      step := CASE WHEN block IS NULL THEN rule.step + 1 ELSE rule.step END;
    ELSE
      SELECT d.dropped, d.locked INTO outcome FROM cmms.drop_expired(rule.step) d;
      relation := coalesce(outcome.dropped, outcome.locked, rule.relation);
      action := CASE WHEN outcome.dropped IS NOT NULL THEN 'dropped' WHEN outcome.locked IS NOT NULL THEN 'locked' END;
      removed := (outcome.dropped IS NOT NULL)::integer;
      step := CASE WHEN outcome.dropped IS NULL THEN rule.step + 1 ELSE rule.step END;
    END IF;
  EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
    -- Since PostgreSQL 17 even reading a partition's bounds waits for who holds the partition.
    block := NULL;
    action := 'locked';
    step := rule.step + 1;
  END;
  IF NOT EXISTS (SELECT FROM cmms.retention_rule() r WHERE r.step >= retention_step.step) THEN
    step := NULL;
  END IF;
END
$$;
COMMENT ON FUNCTION cmms.retention_step(integer, bigint) IS
'One short step of cmms.apply_retention, for the worker, which commits each: begins with null, null, is called with what it returned, and has done all when step is null. action: deleted (removed rows of relation), dropped (relation is the partition) or locked (relation was in use and is left for another time).';

CREATE FUNCTION cmms.apply_retention() RETURNS TABLE (relation text, action text, removed bigint)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  done record;
  at_step integer := 1;
  at_block bigint := 0;
  deleted bigint := 0;
BEGIN
  LOOP
    SELECT s.* INTO done FROM cmms.retention_step(at_step, at_block) s;
    IF done.action = 'deleted' THEN
      deleted := deleted + done.removed;
    END IF;
    IF done.action IN ('dropped', 'locked') OR done.step IS DISTINCT FROM at_step AND deleted > 0 THEN
      RETURN QUERY VALUES (done.relation, done.action, CASE done.action WHEN 'deleted' THEN deleted ELSE done.removed END);
    END IF;
    EXIT WHEN done.step IS NULL;
    IF done.step <> at_step THEN
      deleted := 0;
    END IF;
    at_step := done.step;
    at_block := done.block;
  END LOOP;
END
$$;
COMMENT ON FUNCTION cmms.apply_retention() IS
'Removes what is older than the settings cmms.*_retention allow, as the worker does once a day; see cmms.retention_rule(). One row for each table that lost rows (action deleted), each partition that is gone (dropped) and each table in use that is left for another time (locked). For the owner of the extension.';
