-- The providers that the benchmark talks to. :sink_url is the loopback sink.
CREATE EXTENSION pg_cmms;
CREATE SERVER bench FOREIGN DATA WRAPPER cmms OPTIONS (type 'clickmaint', base_url :'sink_url', entity_id '1');
CREATE USER MAPPING FOR PUBLIC SERVER bench OPTIONS (api_key 'bench');
CREATE SERVER bench_import FOREIGN DATA WRAPPER cmms OPTIONS (type 'clickmaint', base_url :'sink_url', entity_id '1');
CREATE SERVER bench_webhook FOREIGN DATA WRAPPER cmms OPTIONS (type 'custom', base_url :'sink_url');
SELECT count(*) AS rules FROM cmms.set_field_mapping('bench_webhook',
  '{"work_order": {"id": "id", "title": "title", "description": "description", "status": "status",
    "priority": "priority", "asset_id": "asset_id", "location_id": "location_id", "requester": "requester",
    "due_date": "due_date", "started_at": "started_at", "completed_at": "completed_at",
    "total_cost": "total_cost", "currency": "currency", "source_updated_at": "updated_at"}}');
SELECT cmms.activate('bench', poll_interval => '1 day');
SELECT cmms.activate('bench_webhook', mode => 'read');
