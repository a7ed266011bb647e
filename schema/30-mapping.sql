-- Maps as data: rows here overlay the defaults of the provider's descriptor.

CREATE TABLE cmms.field_map (
  provider_id text NOT NULL,
  resource text NOT NULL DEFAULT 'work_order',
  direction text NOT NULL CHECK (direction IN ('inbound', 'outbound', 'row')),
  target text NOT NULL CHECK (pg_catalog.length(target) BETWEEN 1 AND 200),
  source text CHECK (pg_catalog.length(source) BETWEEN 1 AND 1000),
  transform text CHECK (pg_catalog.length(transform) BETWEEN 1 AND 1000),
  required boolean NOT NULL DEFAULT false,
  default_value jsonb,
  on_operation text NOT NULL DEFAULT 'always' CHECK (on_operation IN ('always', 'create', 'update')),
  owner text NOT NULL DEFAULT 'newest' CHECK (owner IN ('provider', 'hub', 'newest', 'manual')),
  position integer NOT NULL DEFAULT 0,
  PRIMARY KEY (provider_id, resource, direction, target)
);
COMMENT ON TABLE cmms.field_map IS 'Field rules of a provider or of a row map. Written by cmms.set_field_mapping and cmms.set_row_mapping, or directly.';
COMMENT ON COLUMN cmms.field_map.provider_id IS 'Name of the foreign server.';
COMMENT ON COLUMN cmms.field_map.resource IS 'Kind of record, usually work_order; for direction row: the map''s name.';
COMMENT ON COLUMN cmms.field_map.direction IS 'inbound: provider document to record; outbound: record to provider document; row: application row to record.';
COMMENT ON COLUMN cmms.field_map.target IS 'Column of the record (inbound, row) or field of the provider (outbound).';
COMMENT ON COLUMN cmms.field_map.source IS 'Path in the source, for example $.status.name or status.name. Null: no source; without a default this switches the descriptor''s rule off.';
COMMENT ON COLUMN cmms.field_map.transform IS 'Transforms, applied left to right, separated by a vertical bar, for example "trim | map status".';
COMMENT ON COLUMN cmms.field_map.required IS 'A record without this field is held, not sent or applied.';
COMMENT ON COLUMN cmms.field_map.default_value IS 'Used where the source gives nothing.';
COMMENT ON COLUMN cmms.field_map.on_operation IS 'Outbound: send always, at a create only, or at an update only.';
COMMENT ON COLUMN cmms.field_map.owner IS 'Inbound: who decides when both sides changed the field: provider, hub, newest (the later change) or manual (a person, with cmms.resolve). Ours also stays with hub and manual when only the provider changed it.';
COMMENT ON COLUMN cmms.field_map.position IS 'Order of the rules, ascending.';

CREATE TABLE cmms.value_map (
  provider_id text NOT NULL,
  resource text NOT NULL DEFAULT 'work_order',
  vocabulary text NOT NULL CHECK (vocabulary <> ''),
  direction text NOT NULL CHECK (direction IN ('inbound', 'outbound', 'row')),
  source_value text NOT NULL CHECK (pg_catalog.length(source_value) <= 1000),
  target_value text NOT NULL CHECK (pg_catalog.length(target_value) <= 1000),
  match text NOT NULL DEFAULT 'folded' CHECK (match IN ('folded', 'exact', 'contains_code', 'pair', 'default')),
  precedence integer NOT NULL DEFAULT 0,
  PRIMARY KEY (provider_id, resource, vocabulary, direction, source_value),
  CONSTRAINT value_map_default CHECK (match <> 'default' OR source_value = '*'),
  CONSTRAINT value_map_pair CHECK (match <> 'pair' OR pg_catalog.strpos(source_value, ' + ') > 1),
  CONSTRAINT value_map_code CHECK (match <> 'contains_code' OR source_value !~ '[ \t\r\n,;]|^$')
);
COMMENT ON TABLE cmms.value_map IS 'Value pairs of a provider: how one side''s words read on the other. Written by cmms.map_value, or directly.';
COMMENT ON COLUMN cmms.value_map.provider_id IS 'Name of the foreign server.';
COMMENT ON COLUMN cmms.value_map.resource IS 'Kind of record, usually work_order; for direction row: the map''s name.';
COMMENT ON COLUMN cmms.value_map.vocabulary IS 'Vocabulary, as named in the transform "map <vocabulary>": status, priority or one of your own.';
COMMENT ON COLUMN cmms.value_map.direction IS 'inbound: source_value is the provider''s; outbound: source_value is the hub''s; row: source_value is the application''s.';
COMMENT ON COLUMN cmms.value_map.source_value IS 'Value to translate; a code, a pair or * where match says so.';
COMMENT ON COLUMN cmms.value_map.target_value IS 'What it becomes.';
COMMENT ON COLUMN cmms.value_map.match IS 'folded: the value, or else the value but for case, white space, hyphens and underscores; exact: byte for byte; contains_code: lists such as "REL  CNF  PRC" that have the code; pair: "status + sub status" or "status + *"; default: of the value *, what no other row is for.';
COMMENT ON COLUMN cmms.value_map.precedence IS 'Of contains_code: among the codes of a list the lowest counts.';

CREATE TABLE cmms.provider_value (
  tenant_id text NOT NULL,
  provider_id text NOT NULL,
  vocabulary text NOT NULL,
  value_id text NOT NULL,
  value_name text NOT NULL,
  last_seen_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
  PRIMARY KEY (tenant_id, provider_id, vocabulary, value_id)
);
COMMENT ON TABLE cmms.provider_value IS 'Values that a provider addresses by id and shows by name, learnt from what it sent.';
COMMENT ON COLUMN cmms.provider_value.tenant_id IS 'Tenant of the provider.';
COMMENT ON COLUMN cmms.provider_value.provider_id IS 'Name of the foreign server.';
COMMENT ON COLUMN cmms.provider_value.vocabulary IS 'Vocabulary, for example status.';
COMMENT ON COLUMN cmms.provider_value.value_id IS 'The provider''s id of the value.';
COMMENT ON COLUMN cmms.provider_value.value_name IS 'The provider''s name of the value.';
COMMENT ON COLUMN cmms.provider_value.last_seen_at IS 'When it was last seen, to the day or better.';

CREATE TABLE cmms.unmapped_value (
  tenant_id text NOT NULL,
  provider_id text NOT NULL,
  resource text NOT NULL,
  vocabulary text NOT NULL,
  direction text NOT NULL,
  value text NOT NULL,
  occurrences bigint NOT NULL DEFAULT 1,
  first_seen_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
  last_seen_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
  sample jsonb,
  PRIMARY KEY (tenant_id, provider_id, resource, vocabulary, direction, value)
);
COMMENT ON TABLE cmms.unmapped_value IS 'Values met that no map translates. They are never guessed: map them with cmms.map_value.';
COMMENT ON COLUMN cmms.unmapped_value.tenant_id IS 'Tenant of the provider.';
COMMENT ON COLUMN cmms.unmapped_value.provider_id IS 'Name of the foreign server.';
COMMENT ON COLUMN cmms.unmapped_value.resource IS 'Kind of record, or the row map''s name.';
COMMENT ON COLUMN cmms.unmapped_value.vocabulary IS 'Vocabulary in which the value has no translation.';
COMMENT ON COLUMN cmms.unmapped_value.direction IS 'inbound, outbound or row.';
COMMENT ON COLUMN cmms.unmapped_value.value IS 'The value as met.';
COMMENT ON COLUMN cmms.unmapped_value.occurrences IS 'Records in which it was met.';
COMMENT ON COLUMN cmms.unmapped_value.first_seen_at IS 'When it was first met.';
COMMENT ON COLUMN cmms.unmapped_value.last_seen_at IS 'When it was last met.';
COMMENT ON COLUMN cmms.unmapped_value.sample IS 'One document in which it was met.';

CREATE TABLE cmms.held_record (
  tenant_id text NOT NULL,
  held_record_id bigint GENERATED BY DEFAULT AS IDENTITY,
  provider_id text NOT NULL,
  resource text NOT NULL,
  direction text NOT NULL CHECK (direction IN ('inbound', 'outbound', 'row')),
  source_record_id text,
  reason text NOT NULL,
  problems jsonb NOT NULL,
  document jsonb NOT NULL,
  webhook_event_id bigint,
  held_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
  PRIMARY KEY (tenant_id, held_record_id),
  UNIQUE (tenant_id, provider_id, resource, direction, source_record_id)
);
COMMENT ON TABLE cmms.held_record IS 'Records that could not be mapped, whole, with the reasons. They are processed again once the missing value is mapped.';
COMMENT ON COLUMN cmms.held_record.tenant_id IS 'Tenant of the provider.';
COMMENT ON COLUMN cmms.held_record.held_record_id IS 'Number of the held record.';
COMMENT ON COLUMN cmms.held_record.provider_id IS 'Name of the foreign server.';
COMMENT ON COLUMN cmms.held_record.resource IS 'Kind of record, or the row map''s name.';
COMMENT ON COLUMN cmms.held_record.direction IS 'inbound, outbound or row.';
COMMENT ON COLUMN cmms.held_record.source_record_id IS 'Provider''s id (inbound), our id (outbound) or the row''s key (row); null where it could not be found.';
COMMENT ON COLUMN cmms.held_record.reason IS 'The problems in one line.';
COMMENT ON COLUMN cmms.held_record.problems IS 'Array of objects: kind (missing_required, unmapped_value, bad_value), target, vocabulary, value, message.';
COMMENT ON COLUMN cmms.held_record.document IS 'The document as it arrived, or the row.';
COMMENT ON COLUMN cmms.held_record.webhook_event_id IS 'Delivery it came with, if it came by webhook.';
COMMENT ON COLUMN cmms.held_record.held_at IS 'When it was last held.';

CREATE TRIGGER configuration_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON cmms.field_map
  FOR EACH STATEMENT EXECUTE FUNCTION cmms.configuration_changed();
CREATE TRIGGER configuration_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON cmms.value_map
  FOR EACH STATEMENT EXECUTE FUNCTION cmms.configuration_changed();
-- Seeing a known value again changes nothing that is cached.
CREATE TRIGGER configuration_changed AFTER INSERT OR UPDATE OF value_id, value_name OR DELETE OR TRUNCATE ON cmms.provider_value
  FOR EACH STATEMENT EXECUTE FUNCTION cmms.configuration_changed();

CREATE FUNCTION cmms.set_field_mapping(provider_id text, mapping jsonb, resource text DEFAULT 'work_order')
  RETURNS SETOF cmms.field_map
  AS 'MODULE_PATHNAME', 'cmms_set_field_mapping' LANGUAGE c STRICT;
COMMENT ON FUNCTION cmms.set_field_mapping(text, jsonb, text) IS
'Sets a provider''s field map from short-hand JSON {"title": "KTEXT", ...}, flat or nested under the resource''s name, for both directions, and returns its rows. A member may be an object with source, transform, required, default. Beside the nested form, "rules" takes single rules with all that a row of cmms.field_map can say. For the owner of the foreign server. SQLSTATEs: WO001 no such server, WO006 unknown column, path or transform, 42501 not the owner.';

CREATE FUNCTION cmms.field_mapping(provider_id text, resource text DEFAULT 'work_order', with_defaults boolean DEFAULT false)
  RETURNS jsonb
  AS 'MODULE_PATHNAME', 'cmms_field_mapping' LANGUAGE c STABLE STRICT;
COMMENT ON FUNCTION cmms.field_mapping(text, text, boolean) IS
'A provider''s field map as short-hand JSON, {"work_order": {"id": "AUFNR", ...}}: what cmms.set_field_mapping makes the same rules of again. Rules that short-hand has no words for stand in "rules" beside it. with_defaults: with the rules of the provider''s type that are in force. Null: there are no rules. For the owner of the foreign server. SQLSTATEs: WO001 no such server, 42501 not the owner.';

CREATE FUNCTION cmms.effective_field_map(provider_id text, resource text DEFAULT 'work_order')
  RETURNS TABLE (direction text, target text, source text, transform text, required boolean, default_value jsonb,
                 on_operation text, owner text, is_own boolean)
  AS 'MODULE_PATHNAME', 'cmms_effective_field_map' LANGUAGE c STABLE STRICT;
COMMENT ON FUNCTION cmms.effective_field_map(text, text) IS
'The rules in force between a provider and the hub: those of cmms.field_map (is_own) laid over those of the provider''s type. SQLSTATE WO001: no such server.';

CREATE FUNCTION cmms.translated_value(provider_id text, vocabulary text, value text, direction text DEFAULT 'inbound',
                                      resource text DEFAULT 'work_order') RETURNS text
  AS 'MODULE_PATHNAME', 'cmms_translated_value' LANGUAGE c STABLE STRICT;
COMMENT ON FUNCTION cmms.translated_value(text, text, text, text, text) IS
'What a value becomes by the value maps in force, those of the provider''s type included; null: it has no mapping. direction: inbound or outbound. SQLSTATE WO001: no such server.';

CREATE FUNCTION cmms.set_row_mapping(provider_id text, map_name text, mapping jsonb)
  RETURNS SETOF cmms.field_map
  AS 'MODULE_PATHNAME', 'cmms_set_row_mapping' LANGUAGE c STRICT;
COMMENT ON FUNCTION cmms.set_row_mapping(text, text, jsonb) IS
'Sets the map of an application table for cmms.sync_row: {"key": "ticket_id", "title": "subject", ...}, work order column to table column, and returns its rows. For the owner of the foreign server. SQLSTATEs: WO001 no such server, WO006 unknown column, path or transform, 42501 not the owner.';

CREATE FUNCTION cmms.map_value(provider_id text, vocabulary text, source_value text, target_value text,
                               direction text DEFAULT 'inbound', resource text DEFAULT 'work_order',
                               match text DEFAULT 'folded', precedence integer DEFAULT 0) RETURNS bigint
  AS 'MODULE_PATHNAME', 'cmms_map_value' LANGUAGE c STRICT;
COMMENT ON FUNCTION cmms.map_value(text, text, text, text, text, text, text, integer) IS
'Translates a value from now on and processes the records again that were held for it; returns how many went through. direction: inbound, outbound or row. match: folded, exact, contains_code (the lowest precedence counts), pair (status + sub status) or default (of the value *). For the owner of the foreign server. SQLSTATEs: WO001 no such server, WO005 target_value is not in the hub''s vocabulary, WO006 source_value does not fit match, 22023 unknown direction or match, 42501 not the owner.';

CREATE FUNCTION cmms.reprocess_held(tenant_id text, held_record_id bigint) RETURNS text
  AS 'MODULE_PATHNAME', 'cmms_reprocess_held' LANGUAGE c STRICT;
COMMENT ON FUNCTION cmms.reprocess_held(text, bigint) IS
'Maps and applies a held record again with the maps of now; returns the outcome (held: still not mapped). SQLSTATE P0002: no such record.';
