-- Where an order may go from here, and how long it was where: answers for planners and for applications that show them.

CREATE FUNCTION cmms.allowed_statuses(common_work_order_id uuid) RETURNS TABLE (common_status text, verb text)
  STABLE LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
  SELECT t.to_status, t.verb
  FROM cmms.work_order w
  JOIN cmms.transition t ON t.from_status = w.common_status AND t.allowed
  JOIN cmms.common_status s ON s.name = t.to_status
  WHERE w.common_work_order_id = allowed_statuses.common_work_order_id
    AND (w.source_allowed_statuses IS NULL OR t.to_status = ANY (w.source_allowed_statuses)
         OR t.to_status = w.source_fields ->> 'common_status')
    AND NOT EXISTS (SELECT FROM cmms.provider p
                    WHERE p.provider_id = w.provider_id
                      AND (p.mode = 'read' OR p.mode = 'handoff' AND w.source_work_order_id IS NOT NULL))
  ORDER BY s.sort_order, s.name
$$;
COMMENT ON FUNCTION cmms.allowed_statuses(uuid) IS
'Statuses that a local change may give the order next, in the order of the usual flow, with the verb of each move: what cmms.transition allows, the provider allows for this order (source_allowed_statuses) and its mode lets out. No row: none, unknown order, or not the caller''s tenant.';

CREATE FUNCTION cmms.next_suggested_status(common_work_order_id uuid) RETURNS text
  STABLE LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
  SELECT a.common_status
  FROM cmms.work_order w
  JOIN cmms.common_status here ON here.name = w.common_status
  CROSS JOIN cmms.allowed_statuses(w.common_work_order_id) a
  JOIN cmms.common_status next ON next.name = a.common_status
  LEFT JOIN cmms.status_history h
    ON h.tenant_id = w.tenant_id AND h.common_work_order_id = w.common_work_order_id AND h.left_at IS NULL
  WHERE w.common_work_order_id = next_suggested_status.common_work_order_id
    AND NOT next.is_detour AND a.verb <> 'reopen' AND (here.is_detour OR next.sort_order > here.sort_order)
  -- From a detour back to where it began, otherwise on with the work.
  ORDER BY here.is_detour AND next.name = h.from_status DESC NULLS LAST, here.is_detour AND a.verb = 'resume' DESC,
           next.sort_order, next.name
  LIMIT 1
$$;
COMMENT ON FUNCTION cmms.next_suggested_status(uuid) IS
'The next status in the usual flow that cmms.allowed_statuses gives for the order; for one on hold the status before that. Null at the end, where nothing is allowed, for an unknown order, or another tenant''s.';

-- Backwards from the goal, ring by ring, then forwards through the rings: as many steps as there are statuses at most. Only what lies
-- between the two in the usual flow is gone through: nothing is pretended, and a move that was forbidden is not got round.
CREATE FUNCTION cmms.status_path(from_status text, to_status text) RETURNS text[]
  STABLE STRICT LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  rings jsonb := jsonb_build_object(to_status, 0);  -- status: steps from it to the goal
  ring text[] := ARRAY[to_status];
  steps integer := 0;
  place text := from_status;
  path text[] := '{}';
  between text[];
BEGIN
  IF EXISTS (SELECT FROM cmms.transition t
             WHERE t.from_status = status_path.from_status AND t.to_status = status_path.to_status AND t.allowed) THEN
    RETURN ARRAY[to_status];
  END IF;
  between := ARRAY(SELECT s.name FROM cmms.common_status s, cmms.common_status f, cmms.common_status g
                   WHERE f.name = from_status AND g.name = to_status AND NOT g.is_detour AND NOT s.is_detour
                     AND s.sort_order > least(f.sort_order, g.sort_order) AND s.sort_order < greatest(f.sort_order, g.sort_order));
  WHILE NOT rings ? from_status LOOP
    steps := steps + 1;
    ring := ARRAY(SELECT DISTINCT t.from_status FROM cmms.transition t
                  WHERE t.to_status = ANY (ring) AND t.allowed AND t.verb <> 'reopen' AND NOT rings ? t.from_status
                    AND (t.from_status = status_path.from_status OR t.from_status = ANY (between)));
    IF ring = '{}' THEN
      RETURN NULL;
    END IF;
    rings := rings || (SELECT jsonb_object_agg(r.status, steps) FROM unnest(ring) AS r(status));
  END LOOP;
  FOR remaining IN REVERSE steps - 1 .. 0 LOOP
    SELECT t.to_status INTO place FROM cmms.transition t JOIN cmms.common_status s ON s.name = t.to_status
    WHERE t.from_status = place AND t.allowed AND t.verb <> 'reopen' AND rings -> t.to_status = to_jsonb(remaining)
    ORDER BY s.sort_order, s.name LIMIT 1;
    path := path || place;
  END LOOP;
  RETURN path;
END
$$;
COMMENT ON FUNCTION cmms.status_path(text, text) IS
'Statuses to go through from one status to another, the goal last: the fewest moves that cmms.transition allows, among equals the earliest in the usual flow. All lie between the two in the usual flow; no detour is on the way, one is entered directly or not at all, and nothing is reopened on the way. Empty: already there; null: no way, or no such status.';

-- 3 days, 4 hours: the two greatest units that say something.
CREATE FUNCTION cmms.relative_time(seconds bigint) RETURNS text
  IMMUTABLE STRICT PARALLEL SAFE LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
  WITH unit AS (
    SELECT u.position, u.name, CASE u.position WHEN 1 THEN seconds / 86400
                                               WHEN 2 THEN seconds % 86400 / 3600 ELSE seconds % 3600 / 60 END AS count
    FROM (VALUES (1, 'day'), (2, 'hour'), (3, 'minute')) AS u(position, name)),
  first AS (SELECT coalesce(min(position), 3) AS position FROM unit WHERE count > 0)
  SELECT string_agg(unit.count || ' ' || unit.name || CASE WHEN unit.count = 1 THEN '' ELSE 's' END, ', ' ORDER BY unit.position)
  FROM unit, first
  WHERE unit.position = first.position OR unit.position = first.position + 1 AND unit.count > 0
$$;
COMMENT ON FUNCTION cmms.relative_time(bigint) IS 'A number of seconds in words, as 3 days, 4 hours; below a minute: 0 minutes.';

CREATE FUNCTION cmms.status_history_of(common_work_order_id uuid)
  RETURNS TABLE (common_status text, last_date_captured timestamptz, elapsed_seconds bigint, time_since text)
  STABLE LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
  SELECT s.name, max(h.entered_at),
         coalesce(floor(sum(extract(epoch FROM greatest(coalesce(h.left_at, now()) - h.entered_at, '0')))), 0)::bigint,
         CASE WHEN max(h.entered_at) IS NOT NULL
              THEN cmms.relative_time(floor(greatest(extract(epoch FROM now() - max(h.entered_at)), 0))::bigint) END
  FROM cmms.work_order w
  CROSS JOIN cmms.common_status s
  LEFT JOIN cmms.status_history h
    ON h.tenant_id = w.tenant_id AND h.common_work_order_id = w.common_work_order_id AND h.to_status = s.name
  WHERE w.common_work_order_id = status_history_of.common_work_order_id
  GROUP BY s.name, s.sort_order
  ORDER BY s.sort_order, s.name
$$;
COMMENT ON FUNCTION cmms.status_history_of(uuid) IS
'Time that an order spent in each status, a row for every status of the lifecycle: last_date_captured (when it was last entered; null: never), elapsed_seconds (all its stays together, the current one up to now), time_since (since it was last entered, in words). No row: unknown order, or not the caller''s tenant.';

CREATE FUNCTION cmms.status_history_document(common_work_order_id uuid) RETURNS jsonb
  STABLE LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
  SELECT jsonb_object_agg(h.common_status, to_jsonb(h) - 'common_status')
  FROM cmms.status_history_of(status_history_document.common_work_order_id) h
$$;
COMMENT ON FUNCTION cmms.status_history_document(uuid) IS
'cmms.status_history_of as one JSON object, as in Building Engines'' member status_history: {"closed": {"last_date_captured": null, "elapsed_seconds": 0, "time_since": null}, ...}. Null: unknown order, or not the caller''s tenant.';
