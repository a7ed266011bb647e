-- Connects the provider and lets the application's table take part. Variables: base_url, api_key.

CREATE EXTENSION pg_cmms;
CREATE SERVER excavators FOREIGN DATA WRAPPER cmms OPTIONS (type 'clickmaint', base_url :'base_url', entity_id '12');
CREATE USER MAPPING FOR PUBLIC SERVER excavators OPTIONS (api_key :'api_key');

-- The map: work order column from table column. The file's order types (PM01..) are no type that Click Maint knows; they stay here.
SELECT count(*) AS rules FROM cmms.set_row_mapping('excavators', 'order', '{
  "key": "order_no",
  "title": "short_text",
  "description": "note",
  "issue_type": "order_type",
  "asset_ref": "asset_no",
  "planned_start_at": "start_date",
  "total_cost": "cost"
}');

CREATE TRIGGER to_cmms AFTER INSERT OR UPDATE OR DELETE ON excavator.excavator_order
  FOR EACH ROW EXECUTE FUNCTION cmms.sync_row('excavators', 'order');

SELECT cmms.activate('excavators', mode => 'write_back', poll_interval => '1 hour');
