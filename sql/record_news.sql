-- What a provider says of assets, parts and comments, through the same maps as work orders.
BEGIN;
INSERT INTO cmms.provider_type (provider_type, descriptor) VALUES ('stores', '{
  "type": "stores", "name": "Stores",
  "resources": {
    "work_order": {"id": "$.id", "fields": {"inbound": [{"target": "title", "source": "$.title"}]}},
    "part": {
      "id": "$.id", "updated_at": "$.changed",
      "fields": {"inbound": [
        {"target": "identifier", "source": "$.code"}, {"target": "name", "source": "$.name", "required": true},
        {"target": "part_type", "source": "$.kind", "transform": "map kind"},
        {"target": "unit_price", "source": "$.price", "transform": "minor_units EUR"},
        {"target": "currency", "source": "$.currency", "default": "EUR"},
        {"target": "stock_quantity", "source": "$.stock", "transform": "number"}]},
      "values": {"kind": {"inbound": {"R": "rotating"}}}},
    "comment": {
      "id": "$.id",
      "fields": {"inbound": [{"target": "work_order_ref", "source": "$.order", "transform": "string"}, {"target": "body", "source": "$.text"}]}}}}');
CREATE SERVER stores FOREIGN DATA WRAPPER cmms OPTIONS (type 'stores', base_url 'http://127.0.0.1:9');

-- New, the same again, changed, older; one that is ours already by its code.
INSERT INTO cmms.part (provider_id, identifier, name) VALUES ('stores', 'SP-9', 'Belt');
CREATE FUNCTION import(documents jsonb, resource text DEFAULT 'part', OUT id text, OUT outcome text, OUT detail text) RETURNS SETOF record LANGUAGE sql AS
  $$ SELECT i.source_record_id, i.outcome, i.detail FROM cmms.import_records('stores', documents, resource) i ORDER BY i.ordinal $$;
SELECT * FROM import('[{"id": 1, "code": "SP-1", "name": "Rotor", "kind": "R", "stock": 9, "price": 350, "changed": "2026-01-01T00:00:00Z"},
                       {"id": 9, "code": "SP-9", "name": "Belt", "stock": 4}]');
SELECT * FROM import('[{"id": 1, "code": "SP-1", "name": "Rotor", "kind": "R", "stock": 9, "price": 350, "changed": "2026-01-01T00:00:00Z"}]');
SELECT * FROM import('[{"id": 1, "code": "SP-1", "name": "Rotor", "stock": 8, "changed": "2026-01-02T00:00:00Z"}, {"id": 1, "stock": 5, "changed": "2026-01-01T12:00:00Z"},
                       {"id": 1, "stock": 7, "changed": "2026-01-03T00:00:00Z"}]');
SELECT source_part_id, identifier, name, part_type, unit_price, currency, stock_quantity, sync_state FROM cmms.part ORDER BY 1;

-- Only what differs from the provider's last word is news: our own change of another field stays.
UPDATE cmms.part SET name = 'Rotor Mk. II' WHERE source_part_id = '1';
SELECT * FROM import('[{"id": 1, "name": "Rotor", "stock": 6, "changed": "2026-01-04T00:00:00Z"}]');
SELECT name, stock_quantity FROM cmms.part WHERE source_part_id = '1';

-- Held: a value without a mapping, a new record that lacks a field, a record without an id; then mapped.
SELECT * FROM import('[{"id": 2, "name": "Valve", "kind": "V"}, {"id": 3, "stock": 1}, {"name": "Nobody"}, {"id": 1, "kind": "V", "changed": "2026-01-05T00:00:00Z"}]');
SELECT resource, source_record_id, reason FROM cmms.held_record ORDER BY source_record_id;
SELECT resource, vocabulary, value, occurrences FROM cmms.unmapped_value;
SELECT source_part_id, sync_state FROM cmms.part ORDER BY 1;
SELECT cmms.map_value('stores', 'kind', 'V', 'valve', resource => 'part') AS went_through;
SELECT source_part_id, name, part_type, sync_state FROM cmms.part ORDER BY 1;
SELECT source_record_id, cmms.reprocess_held(tenant_id, held_record_id) FROM cmms.held_record ORDER BY source_record_id;

-- A value that no column takes.
SELECT * FROM import('[{"id": 4, "name": "Gear", "currency": "euro"}, {"id": 5, "name": "Seal"}]');

-- Comments need their order.
SELECT * FROM import('[{"id": 1, "order": 77, "text": "lamps replaced"}]', 'comment');
SELECT * FROM import('[{"id": 77, "title": "Lamps"}]', 'work_order');
SELECT source_record_id, cmms.reprocess_held(tenant_id, held_record_id) FROM cmms.held_record WHERE resource = 'comment';
SELECT w.title, c.author, c.body, c.sync_state FROM cmms.comment c JOIN cmms.work_order w USING (tenant_id, common_work_order_id);

-- Maps know the columns of each table.
SELECT direction, target, source, transform FROM cmms.set_field_mapping('stores', '{"part": {"id": "no", "stock_quantity": "qty", "cost_center": "cc"}}', 'part') ORDER BY 1, 2;
SELECT cmms.field_mapping('stores', 'part');
SELECT state, message, detail FROM raised($$SELECT cmms.set_field_mapping('stores', '{"part": {"stok": "qty"}}', 'part')$$);
SELECT state, message, detail FROM raised($$SELECT cmms.set_field_mapping('stores', '{"part": {"part_id": "qty"}}', 'part')$$);
SELECT * FROM import('[{"no": "1", "qty": "3.5", "cc": "stock", "changed": "2026-01-06T00:00:00Z"}]');

-- Previews change nothing.
SELECT outcome, target, result, current_value, decision, would_write FROM cmms.preview_inbound('stores', 'part', '{"no": "1", "qty": 3.5, "name": "Rotor Mk. III"}') ORDER BY target;
SELECT outcome, target, decision, would_write FROM cmms.preview_inbound('stores', 'part', '{"no": "10", "name": "Nut", "kind": "N"}') ORDER BY target;
SELECT name, stock_quantity, cost_center FROM cmms.part WHERE source_part_id = '1';
SELECT count(*) FROM cmms.part WHERE source_part_id = '10';
SELECT event_type, count(*) FROM cmms.event GROUP BY 1 ORDER BY 1;
ROLLBACK;
