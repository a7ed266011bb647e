-- Import: documents of a provider that come from a file or an export go the same way in as its polls and webhooks.

CREATE FUNCTION cmms.import_records(provider_id text, records jsonb, resource text DEFAULT 'work_order')
  RETURNS TABLE (ordinal bigint, source_record_id text, outcome text, common_work_order_id uuid, detail text)
  AS 'MODULE_PATHNAME', 'cmms_import_records' LANGUAGE c STRICT ROWS 1000;
COMMENT ON FUNCTION cmms.import_records(text, jsonb, text) IS
'Takes in an array of a provider''s documents through its inbound maps, as if they had been polled; nothing is sent. A row for each: ordinal (its place, from 1), the provider''s id, the outcome (created, updated, adopted, unchanged, stale, held, ignored), our id, and why. What cannot be mapped or stored is kept in cmms.held_record; the others go on. Idempotent: a record imported again is unchanged. For the owner of the foreign server who may write the tenant''s records. SQLSTATEs: WO001 no such server, WO006 no such resource, 22023 records is no array, 42501 not the owner.';
