-- The providers that the benchmark talks to. :sink is the loopback sink.
CREATE EXTENSION pg_cmms;
SELECT :'sink' || '/api/v1' AS sink_url \gset
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

CREATE SCHEMA bench;
CREATE FUNCTION bench.waiting(provider text) RETURNS bigint LANGUAGE sql AS $$
  SELECT count(*) FROM cmms.outbox q WHERE q.provider_id = provider
$$;
-- Each look is a transaction of its own, so that it holds nothing back; nothing that is measured takes half an hour.
CREATE PROCEDURE bench.wait_until(condition text, provider text, bound bigint) LANGUAGE plpgsql AS $$
DECLARE
  give_up_at constant timestamptz := clock_timestamp() + interval '30 min';
  is_met boolean;
BEGIN
  LOOP
    EXECUTE condition INTO is_met USING provider, bound;
    EXIT WHEN is_met;
    IF clock_timestamp() > give_up_at THEN
      RAISE EXCEPTION 'gave up waiting for provider "%"', provider;
    END IF;
    COMMIT;
    PERFORM pg_sleep(0.1);
  END LOOP;
END
$$;
CREATE PROCEDURE bench.wait_for_queue(provider text, rows_left bigint) LANGUAGE plpgsql AS $$
BEGIN
  -- Stops at the first row too many: counting all of them every time takes half a core, of which the worker needs one.
  CALL bench.wait_until('SELECT count(*) <= $2 FROM (SELECT FROM cmms.outbox q WHERE q.provider_id = $1 LIMIT $2 + 1) AS rest', provider, rows_left);
END
$$;
CREATE PROCEDURE bench.wait_for_flight(provider text, requests bigint) LANGUAGE plpgsql AS $$
BEGIN
  CALL bench.wait_until('SELECT count(*) >= $2 FROM cmms.outbox q WHERE q.provider_id = $1 AND q.state = ''in_flight''', provider, requests);
END
$$;
