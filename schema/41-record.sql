-- What the records beside work_order have in common: assets, parts and persons are made LIKE this table, comments included.
-- It exists while the extension is being created only.

CREATE TABLE cmms.synchronized_record (
  custom_fields jsonb,
  metadata cmms.jsonb_object NOT NULL DEFAULT '{}',
  source_doc jsonb,
  source_fields jsonb,
  source_updated_at timestamptz,
  source_revision text,
  sync_state cmms.record_sync_state NOT NULL DEFAULT 'pending',
  last_synced_at timestamptz,
  awaited_echo text[],
  last_error text,
  last_error_class text,
  last_error_detail jsonb,
  created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
  updated_at timestamptz NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON COLUMN cmms.synchronized_record.custom_fields IS 'The provider''s fields that are this account''s own, in its own form.';
COMMENT ON COLUMN cmms.synchronized_record.metadata IS 'The caller''s own JSON object; sent where a provider carries such.';
COMMENT ON COLUMN cmms.synchronized_record.source_doc IS 'The provider''s last document, whole.';
COMMENT ON COLUMN cmms.synchronized_record.source_fields IS 'What the provider''s documents last said, mapped. Only what differs from it is news.';
COMMENT ON COLUMN cmms.synchronized_record.source_updated_at IS 'The provider''s time stamp of that document. Older news are refused.';
COMMENT ON COLUMN cmms.synchronized_record.source_revision IS 'The provider''s revision of that document, where it has one.';
COMMENT ON COLUMN cmms.synchronized_record.sync_state IS 'How the record stands with its provider; see cmms.sync_state.';
COMMENT ON COLUMN cmms.synchronized_record.last_synced_at IS 'When the provider''s last news were taken over, or a change was last acknowledged.';
COMMENT ON COLUMN cmms.synchronized_record.awaited_echo IS 'Columns of the last push, until the provider''s next word on the record.';
COMMENT ON COLUMN cmms.synchronized_record.last_error IS 'Why the last attempt failed; null after a success.';
COMMENT ON COLUMN cmms.synchronized_record.last_error_class IS 'Class of that failure; see cmms.error_class.';
COMMENT ON COLUMN cmms.synchronized_record.last_error_detail IS 'The provider''s errors field by field, as it sent them.';
COMMENT ON COLUMN cmms.synchronized_record.created_at IS 'When the row was made.';
COMMENT ON COLUMN cmms.synchronized_record.updated_at IS 'When a business column last changed.';
