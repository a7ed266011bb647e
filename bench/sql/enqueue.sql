-- The tables of the enqueue measurements. An application's ticket table, twice: with cmms.sync_row, and with the trigger that a developer
-- writes without pg_cmms, which adds one durable row to a queue; and cmms.work_order beside a copy of it with such a trigger.
CREATE TABLE peer.queue (
  queue_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, source text NOT NULL, record_id text NOT NULL, operation text NOT NULL,
  payload jsonb NOT NULL, state smallint NOT NULL DEFAULT 0, attempts integer NOT NULL DEFAULT 0, due_at timestamptz NOT NULL DEFAULT now());
CREATE INDEX ON peer.queue (due_at, queue_id) WHERE state = 0;

CREATE TABLE bench.ticket (
  ticket_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, title text NOT NULL, description text, urgency text, machine text,
  due_at timestamptz, created_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE peer.ticket (LIKE bench.ticket INCLUDING ALL);
CREATE TABLE peer.copied_order (LIKE cmms.work_order INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES);
ALTER TABLE peer.copied_order ADD FOREIGN KEY (common_status) REFERENCES cmms.common_status, ADD FOREIGN KEY (priority) REFERENCES cmms.priority;
ALTER TABLE peer.copied_order SET (fillfactor = 85);

CREATE FUNCTION peer.queue_ticket() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO peer.queue (source, record_id, operation, payload) VALUES ('ticket', NEW.ticket_id, TG_OP, to_jsonb(NEW));
  RETURN NULL;
END
$$;
CREATE FUNCTION peer.queue_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO peer.queue (source, record_id, operation, payload) VALUES ('order', NEW.common_work_order_id, TG_OP, jsonb_strip_nulls(to_jsonb(NEW)));
  RETURN NULL;
END
$$;
CREATE TRIGGER queued AFTER INSERT ON peer.ticket FOR EACH ROW EXECUTE FUNCTION peer.queue_ticket();
CREATE TRIGGER queued AFTER INSERT ON peer.copied_order FOR EACH ROW EXECUTE FUNCTION peer.queue_order();

SELECT count(*) FROM cmms.set_row_mapping('queue', 'ticket',
  '{"key": "ticket_id", "title": "title", "description": "description", "priority": "urgency", "asset_ref": "machine", "sla_due_at": "due_at"}');
CREATE TRIGGER to_cmms AFTER INSERT OR UPDATE ON bench.ticket FOR EACH ROW EXECUTE FUNCTION cmms.sync_row('queue', 'ticket');
