-- Views for people: how synchronization does, what it did, and the work orders with it.

CREATE FUNCTION cmms.sees_tenant(tenant_id text) RETURNS boolean
  STABLE LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
  SELECT NOT row_security_active('cmms.work_order')
      OR EXISTS (SELECT FROM cmms.tenant_access a
                 WHERE a.tenant_id = sees_tenant.tenant_id AND pg_has_role(current_user, a.role_name, 'MEMBER'))
$$;
COMMENT ON FUNCTION cmms.sees_tenant(text) IS 'Whether the current role may read records of a tenant, for what no row-level policy covers.';

CREATE FUNCTION cmms.worker_trouble() RETURNS text
  STABLE LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT CASE
    WHEN EXISTS (SELECT FROM pg_stat_activity a JOIN pg_database d ON d.oid = a.datid
                 WHERE d.datname = current_database() AND a.backend_type = 'pg_cmms worker') THEN NULL
    WHEN pg_is_in_recovery() THEN 'the server is in recovery: only its primary sends'
    WHEN current_setting('shared_preload_libraries') !~ '\mpg_cmms\M' THEN 'pg_cmms is not in shared_preload_libraries'
    ELSE 'no sync worker runs in this database; the server''s log says why if that lasts (cmms.max_workers, max_worker_processes)' END
$$;
COMMENT ON FUNCTION cmms.worker_trouble() IS 'Why no sync worker runs in this database; null: one does.';

CREATE VIEW cmms.sync_health AS
SELECT s.srvname::text AS provider_id,
       t.tenant_id,
       o.type AS provider_type,
       p.mode,
       coalesce(p.active, false) AS active,
       k.is_armed AS armed,
       p.paused_at, p.paused_by, p.pause_reason,
       q.pending, q.in_flight, q.retrying, q.in_doubt, q.accepted, q.awaiting_approval,
       q.held + (SELECT count(*) FROM cmms.held_record h WHERE h.provider_id = s.srvname AND h.direction <> 'outbound') AS held,
       (SELECT count(*) FROM cmms.work_order w
        WHERE w.provider_id = s.srvname AND w.tenant_id = t.tenant_id AND w.last_error_class IS NOT NULL AND w.sync_state = 'rejected')
       + (SELECT count(*) FROM cmms.part w
          WHERE w.provider_id = s.srvname AND w.tenant_id = t.tenant_id AND w.last_error_class IS NOT NULL AND w.sync_state = 'rejected')
       + (SELECT count(*) FROM cmms.asset w
          WHERE w.provider_id = s.srvname AND w.tenant_id = t.tenant_id AND w.last_error_class IS NOT NULL AND w.sync_state = 'rejected') AS rejected,
       (SELECT count(*) FROM cmms.unmapped_value u WHERE u.provider_id = s.srvname) AS unmapped_values,
       (SELECT count(*) FROM cmms.conflict k WHERE k.provider_id = s.srvname AND k.resolved_at IS NULL) AS conflicts,
       e.echoes_suppressed, e.echoes_near_miss,
       q.oldest_pending_at,
       r.last_success_at,
       coalesce(r.circuit, 'closed') AS circuit,
       coalesce(r.consecutive_failures, 0) AS consecutive_failures,
       CASE WHEN x.waiting_for = 'backoff' THEN q.next_retry_at
            WHEN x.waiting_for IN ('circuit', 'retry_after', 'quota', 'configured_rate') THEN r.next_attempt_at END AS next_attempt_at,
       r.rate_limit_limit, r.rate_limit_remaining, r.rate_limit_reset_at,
       r.last_error, r.last_error_class, r.last_error_at,
       c.last_poll_at, c.last_complete_at, c.next_poll_at, c.poll_error,
       x.waiting_for,
       CASE x.waiting_for
         WHEN 'not_armed' THEN 'this database is a copy that is not armed: cmms.arm()'
         WHEN 'inactive' THEN pg_catalog.format('the provider is not active: cmms.activate(%L)', s.srvname)
         WHEN 'paused' THEN pg_catalog.format('paused by %s%s: cmms.resume_provider(%L)', p.paused_by, ' (' || p.pause_reason || ')', s.srvname)
         WHEN 'no_worker' THEN k.worker_trouble
         WHEN 'configuration' THEN 'the configuration or a credential cannot be used: ' || r.last_error
         WHEN 'circuit' THEN pg_catalog.format('the provider failed %s times in a row, then one request tries: %s', r.consecutive_failures, r.last_error)
         WHEN 'trial' THEN 'a request is under way that tries whether the provider is back: ' || r.last_error
         WHEN 'retry_after' THEN 'the provider asked for a pause: ' || r.last_error
         WHEN 'quota' THEN pg_catalog.format('the provider''s limit%s is used up', ' of ' || r.rate_limit_limit || ' requests')
         WHEN 'configured_rate' THEN 'as many requests have left as the server''s option requests_per_minute allows'
         WHEN 'mode' THEN 'mode read: changes are not pushed'
         WHEN 'backoff' THEN pg_catalog.format('%s records wait for their next attempt', q.retrying)
       END AS waiting_reason
FROM pg_catalog.pg_foreign_server s
JOIN pg_catalog.pg_foreign_data_wrapper f ON f.oid = s.srvfdw AND f.fdwname = 'cmms'
LEFT JOIN cmms.provider p ON p.provider_id = s.srvname
LEFT JOIN cmms.provider_state r ON r.provider_id = s.srvname
CROSS JOIN LATERAL (
  SELECT max(x.option_value) FILTER (WHERE x.option_name = 'type') AS type,
         max(x.option_value) FILTER (WHERE x.option_name = 'tenant') AS tenant
  FROM pg_catalog.pg_options_to_table(s.srvoptions) x) o
CROSS JOIN LATERAL (SELECT coalesce(p.tenant_id, o.tenant, 'default') AS tenant_id) t
CROSS JOIN LATERAL (
  SELECT count(*) FILTER (WHERE b.state = 'pending' AND b.attempts = 0) AS pending,
         count(*) FILTER (WHERE b.state = 'in_flight') AS in_flight,
         count(*) FILTER (WHERE b.state = 'pending' AND b.attempts > 0) AS retrying,
         count(*) FILTER (WHERE b.state = 'in_doubt' AND b.accepted_at IS NULL) AS in_doubt,
         count(*) FILTER (WHERE b.state = 'in_doubt' AND b.accepted_at IS NOT NULL) AS accepted,
         count(*) FILTER (WHERE b.state = 'awaiting_approval') AS awaiting_approval,
         count(*) FILTER (WHERE b.state = 'held') AS held,
         min(b.next_attempt_at) FILTER (WHERE b.state = 'pending' AND b.attempts > 0) AS next_retry_at,
         min(b.enqueued_at) AS oldest_pending_at
  FROM cmms.outbox b WHERE b.provider_id = s.srvname) q
CROSS JOIN LATERAL (
  SELECT max(k.last_poll_at) AS last_poll_at, min(k.last_complete_at) AS last_complete_at, min(k.next_poll_at) AS next_poll_at,
         string_agg(k.resource || ': ' || k.last_error, '; ' ORDER BY k.resource) AS poll_error
  FROM cmms.poll_cursor k WHERE k.provider_id = s.srvname) c
CROSS JOIN LATERAL (
  SELECT coalesce(sum(n.suppressed), 0)::bigint AS echoes_suppressed, coalesce(sum(n.near_miss), 0)::bigint AS echoes_near_miss
  FROM cmms.echo_count n WHERE n.provider_id = s.srvname) e
CROSS JOIN (SELECT cmms.is_armed() AS is_armed, cmms.worker_trouble() AS worker_trouble) k
CROSS JOIN LATERAL (SELECT coalesce(r.waiting_for, CASE r.circuit WHEN 'open' THEN 'circuit' WHEN 'half_open' THEN 'trial' END) AS said) w
CROSS JOIN LATERAL (
  SELECT CASE WHEN NOT k.is_armed THEN 'not_armed'
              WHEN p.active IS NOT TRUE THEN 'inactive'
              WHEN p.paused_at IS NOT NULL THEN 'paused'
              WHEN k.worker_trouble IS NOT NULL THEN 'no_worker'
              WHEN w.said IN ('configuration', 'circuit', 'trial') THEN w.said
              -- The worker speaks up once a second at most, and not when a time has passed that it has told of.
              WHEN r.waiting_for = 'configured_rate' AND r.next_attempt_at > now() - interval '2 s' OR r.next_attempt_at > now() THEN w.said
              WHEN p.mode = 'read' AND q.pending > 0 THEN 'mode'
              WHEN q.pending + q.in_flight = 0 AND q.next_retry_at > now() THEN 'backoff' END AS waiting_for) x
WHERE cmms.sees_tenant(t.tenant_id);
COMMENT ON VIEW cmms.sync_health IS 'One row for each provider: what waits, what failed, how its connection does.';
COMMENT ON COLUMN cmms.sync_health.provider_id IS 'Name of the foreign server.';
COMMENT ON COLUMN cmms.sync_health.tenant_id IS 'Tenant of the provider.';
COMMENT ON COLUMN cmms.sync_health.provider_type IS 'Kind of CMMS.';
COMMENT ON COLUMN cmms.sync_health.mode IS 'read, draft, handoff or write_back; null: never activated.';
COMMENT ON COLUMN cmms.sync_health.active IS 'Whether it was activated: the worker pushes and polls, unless it is paused.';
COMMENT ON COLUMN cmms.sync_health.armed IS 'False in a restored or copied database until cmms.arm(): nothing is sent or polled.';
COMMENT ON COLUMN cmms.sync_health.paused_at IS 'Since when no request leaves; null: not paused.';
COMMENT ON COLUMN cmms.sync_health.paused_by IS 'Who paused it.';
COMMENT ON COLUMN cmms.sync_health.pause_reason IS 'Why it was paused.';
COMMENT ON COLUMN cmms.sync_health.pending IS 'Records with changes that were not tried yet.';
COMMENT ON COLUMN cmms.sync_health.in_flight IS 'Records with a request under way.';
COMMENT ON COLUMN cmms.sync_health.retrying IS 'Records whose last attempt failed and is repeated.';
COMMENT ON COLUMN cmms.sync_health.in_doubt IS 'Records whose last attempt had no answer; being looked up.';
COMMENT ON COLUMN cmms.sync_health.accepted IS 'Records that the provider has taken without having said what they are called.';
COMMENT ON COLUMN cmms.sync_health.awaiting_approval IS 'Records that wait for cmms.approve (mode draft).';
COMMENT ON COLUMN cmms.sync_health.held IS 'Records held for want of a mapping, in all directions.';
COMMENT ON COLUMN cmms.sync_health.rejected IS 'Work orders, parts and assets that the provider refused for good.';
COMMENT ON COLUMN cmms.sync_health.unmapped_values IS 'Distinct values that no map translates.';
COMMENT ON COLUMN cmms.sync_health.conflicts IS 'Open conflicts, which wait for cmms.resolve.';
COMMENT ON COLUMN cmms.sync_health.echoes_suppressed IS 'Our own writes that came back and changed nothing.';
COMMENT ON COLUMN cmms.sync_health.echoes_near_miss IS 'First news after a push in which a field just sent had another value; see cmms.echo_count.';
COMMENT ON COLUMN cmms.sync_health.oldest_pending_at IS 'Time of the oldest change that is not settled.';
COMMENT ON COLUMN cmms.sync_health.last_success_at IS 'Last success of any request.';
COMMENT ON COLUMN cmms.sync_health.circuit IS 'closed: in use; open: paused; half_open: one attempt decides.';
COMMENT ON COLUMN cmms.sync_health.consecutive_failures IS 'Failures of the provider as a whole since its last success.';
COMMENT ON COLUMN cmms.sync_health.next_attempt_at IS 'When a request, or with backoff a push, may leave again; null: now, or nobody knows. waiting_for says why it does not.';
COMMENT ON COLUMN cmms.sync_health.rate_limit_limit IS 'Requests per window, as the provider last said.';
COMMENT ON COLUMN cmms.sync_health.rate_limit_remaining IS 'Requests left in the window.';
COMMENT ON COLUMN cmms.sync_health.rate_limit_reset_at IS 'End of the window.';
COMMENT ON COLUMN cmms.sync_health.last_error IS 'Last failure of the provider as a whole.';
COMMENT ON COLUMN cmms.sync_health.last_error_class IS 'Its class; see cmms.error_class.';
COMMENT ON COLUMN cmms.sync_health.last_error_at IS 'When it happened.';
COMMENT ON COLUMN cmms.sync_health.last_poll_at IS 'When the last poll began.';
COMMENT ON COLUMN cmms.sync_health.last_complete_at IS 'Since when everything has been read: the oldest of the resources'' last complete polls.';
COMMENT ON COLUMN cmms.sync_health.next_poll_at IS 'When the next poll is due; null: nothing to poll.';
COMMENT ON COLUMN cmms.sync_health.poll_error IS 'Why the last poll failed, by resource.';
COMMENT ON COLUMN cmms.sync_health.waiting_for IS 'Why nothing leaves: not_armed, inactive, paused, no_worker, configuration, circuit, trial, retry_after, quota, configured_rate; mode or backoff: no push. Null: nothing is in the way.';
COMMENT ON COLUMN cmms.sync_health.waiting_reason IS 'The same in words, with what to call.';

CREATE VIEW cmms.sync_history AS
SELECT l.logged_at, l.tenant_id, l.provider_id, l.direction, l.operation, l.outcome, l.record_id AS common_work_order_id,
       w.identifier, w.title, coalesce(l.source_record_id, w.source_work_order_id) AS source_work_order_id, l.attempt,
       l.http_status, l.error_class, l.error, e.review_action, l.duration_ms, l.request, l.response, l.sync_log_id
FROM cmms.sync_log l
LEFT JOIN cmms.work_order w ON w.tenant_id = l.tenant_id AND w.common_work_order_id = l.record_id
LEFT JOIN cmms.error_class e ON e.name = l.error_class;
COMMENT ON VIEW cmms.sync_history IS 'What was attempted with providers, readable; order it by logged_at.';
COMMENT ON COLUMN cmms.sync_history.logged_at IS 'When it was recorded.';
COMMENT ON COLUMN cmms.sync_history.tenant_id IS 'Tenant.';
COMMENT ON COLUMN cmms.sync_history.provider_id IS 'Name of the foreign server.';
COMMENT ON COLUMN cmms.sync_history.direction IS 'push, poll, lookup, read (single records) or webhook.';
COMMENT ON COLUMN cmms.sync_history.operation IS 'create, update, delete, list and so on.';
COMMENT ON COLUMN cmms.sync_history.outcome IS 'synchronized, retrying, rejected, in_doubt, held, imported and so on.';
COMMENT ON COLUMN cmms.sync_history.common_work_order_id IS 'The work order; null for a poll.';
COMMENT ON COLUMN cmms.sync_history.identifier IS 'Number that people use for it.';
COMMENT ON COLUMN cmms.sync_history.title IS 'Title of the order, as it is now.';
COMMENT ON COLUMN cmms.sync_history.source_work_order_id IS 'The provider''s id of the order.';
COMMENT ON COLUMN cmms.sync_history.attempt IS 'Number of the attempt for this change.';
COMMENT ON COLUMN cmms.sync_history.http_status IS 'Status of the answer; null where none came.';
COMMENT ON COLUMN cmms.sync_history.error_class IS 'Class of the failure.';
COMMENT ON COLUMN cmms.sync_history.error IS 'The failure in words.';
COMMENT ON COLUMN cmms.sync_history.review_action IS 'What a person should check.';
COMMENT ON COLUMN cmms.sync_history.duration_ms IS 'Time from sending to the whole answer, in milliseconds.';
COMMENT ON COLUMN cmms.sync_history.request IS 'What was sent, secrets masked, cut.';
COMMENT ON COLUMN cmms.sync_history.response IS 'What was answered, cut.';
COMMENT ON COLUMN cmms.sync_history.sync_log_id IS 'Number of the attempt in sync_log.';
