-- Previews: what a document or a work order would do, field by field. Nothing is changed and no request is sent.

CREATE TYPE cmms.preview AS (
  outcome text,
  target text,
  source text,
  raw_value jsonb,
  rule text,
  map_version integer,
  result jsonb,
  current_value jsonb,
  owner text,
  decision text,
  would_write boolean,
  error text
);
COMMENT ON TYPE cmms.preview IS 'What would become of one field.';
COMMENT ON COLUMN cmms.preview.outcome IS 'Of the whole record. Inbound: created, updated, adopted, unchanged, stale, held, refused or ignored. Outbound: create, update, nothing, held.';
COMMENT ON COLUMN cmms.preview.target IS 'Column of the record (inbound) or field of the provider (outbound); null where nothing of the document is read.';
COMMENT ON COLUMN cmms.preview.source IS 'Path that held the value, or the paths at which there is none; null for what needs no source.';
COMMENT ON COLUMN cmms.preview.raw_value IS 'The value as found there.';
COMMENT ON COLUMN cmms.preview.rule IS 'Sources and transforms as written; null for what the descriptor or the event says by itself.';
COMMENT ON COLUMN cmms.preview.map_version IS 'Version of the maps; see cmms.map_version.';
COMMENT ON COLUMN cmms.preview.result IS 'The value after the transforms.';
COMMENT ON COLUMN cmms.preview.current_value IS 'Inbound: what is stored; null where nothing is.';
COMMENT ON COLUMN cmms.preview.owner IS 'Inbound: owner of the field.';
COMMENT ON COLUMN cmms.preview.decision IS 'Inbound: set (new record), unchanged, agreed, taken, kept_for_owner, kept_unsent, conflict_taken, conflict_kept, conflict_open, held, refused, stale or ignored. Outbound: sent, unchanged, left_out, create_only, update_only or held.';
COMMENT ON COLUMN cmms.preview.would_write IS 'Whether the value would be stored, or sent.';
COMMENT ON COLUMN cmms.preview.error IS 'Why the field has no result, or why no column takes it.';

CREATE FUNCTION cmms.preview_inbound(provider_id text, resource text, payload jsonb) RETURNS SETOF cmms.preview
  AS 'MODULE_PATHNAME', 'cmms_preview_inbound' LANGUAGE c STRICT ROWS 20;
COMMENT ON FUNCTION cmms.preview_inbound(text, text, jsonb) IS
'What a provider''s document, an event or a bare record, would do: a row for each field. resource: work_order, asset, part, part_transaction, person or comment, as the provider''s type has them. For who may write the tenant''s records. SQLSTATEs: WO001 no such server, WO006 invalid configuration, 22023 unknown resource, 42501 not the caller''s tenant.';

CREATE FUNCTION cmms.preview_outbound(provider_id text, common_work_order_id uuid) RETURNS SETOF cmms.preview
  AS 'MODULE_PATHNAME', 'cmms_preview_outbound' LANGUAGE c STRICT ROWS 20;
COMMENT ON FUNCTION cmms.preview_outbound(text, uuid) IS
'What would be sent of a work order now: a row for each outbound rule. Of an order without waiting changes, what an update of all its columns would send; of one whose deletion waits, nothing. SQLSTATEs: P0002 no such order, 22023 the order is another provider''s, WO006 invalid configuration, 42501 not the caller''s tenant.';

CREATE FUNCTION cmms.preview_request(common_work_order_id uuid)
  RETURNS TABLE (outcome text, method text, url text, body jsonb, reason text)
  AS 'MODULE_PATHNAME', 'cmms_preview_request' LANGUAGE c STRICT ROWS 1;
COMMENT ON FUNCTION cmms.preview_request(uuid) IS
'The request that would leave for a work order now, without headers, or the reason why there is none. Where a provider changes a status by calls of its own, reason says which of them follow. SQLSTATEs as for cmms.preview_outbound.';

CREATE FUNCTION cmms.preview_recent(provider_id text, deliveries integer DEFAULT 10)
  RETURNS TABLE (webhook_event_id bigint, preview cmms.preview)
  STABLE LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
  SELECT e.webhook_event_id, p
  FROM (SELECT w.webhook_event_id, w.body FROM cmms.webhook_event w
        WHERE w.provider_id = preview_recent.provider_id AND w.tenant_id = cmms.provider_tenant(preview_recent.provider_id)
          AND w.outcome NOT IN ('malformed', 'rejected', 'too_large')
        ORDER BY w.webhook_event_id DESC LIMIT greatest(deliveries, 0)) e
  CROSS JOIN LATERAL cmms.preview_inbound(preview_recent.provider_id, 'work_order', convert_from(e.body, 'UTF8')::jsonb) p
$$;
COMMENT ON FUNCTION cmms.preview_recent(text, integer) IS
'What the last deliveries of a provider''s webhooks would do now, with the maps of now; the newest first. deliveries: how many, default 10. SQLSTATEs as for cmms.preview_inbound.';
