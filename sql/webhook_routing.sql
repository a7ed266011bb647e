-- Events that carry several records, that have no id, or that only name a record.
BEGIN;
INSERT INTO cmms.provider_type (provider_type, descriptor) VALUES ('tasks', '{
  "type": "tasks", "name": "Tasks",
  "resources": {
    "work_order": {
      "id": ["$.taskId", "$.id"], "read": {"method": "GET", "path": "/tasks/{source_id}"},
      "fields": {"inbound": [{"target": "reference", "source": "$.metadata.cmms"}, {"target": "title", "source": "$.description", "required": true}]}},
    "asset": {"id": "$.equipmentId", "fields": {"inbound": [{"target": "identifier", "source": "$.itemCode"}, {"target": "name", "source": "$.name"}]}},
    "part": {"id": "$.sparePartId", "fields": {"inbound": [{"target": "identifier", "source": "$.articleCode"}, {"target": "name", "source": "$.name"},
      {"target": "stock_quantity", "source": "$.stock", "transform": "number"}]}},
    "part_transaction": {"id": "$.movementId", "fields": {"inbound": [{"target": "part_ref", "source": "$.sparePart.sparePartId"},
      {"target": "quantity", "source": "$.consumed.quantity"}, {"target": "work_order_ref", "source": "$.task.taskId"},
      {"target": "occurred_at", "source": "$.emittedAt", "transform": "timestamp"}]}},
    "comment": {"id": "$.activity.activityId", "fields": {"inbound": [{"target": "work_order_ref", "source": "$.task.taskId"},
      {"target": "body", "source": "$.activity.description"}, {"target": "author", "source": "$.activity.reporter.lastName"},
      {"target": "time_spent_minutes", "source": "$.activity.timeSpentInMinutes"}]}}},
  "webhook": {
    "event": ["$._event", "$.type"], "records": ["$.task", "$"], "delivery": "$.id",
    "occurred_at": ["$.doneAt", "$.started.on", "$.scheduled.on", "$.emittedAt"],
    "deduplicate": ["event", "record_id", "occurred_at", "body"],
    "events": {
      "TaskWasScheduled": {"common_status": "assigned"}, "TaskWasStarted": {"common_status": "in_progress"}, "TaskWasCompleted": {"common_status": "completed"},
      "ActivityWasAddedOnTask": [{"record": "$.task"}, {"resource": "asset", "record": "$.equipment", "optional": true}, {"resource": "comment", "record": "$"}],
      "SparePartWasConsumed": [{"resource": "part", "record": "$.sparePart"},
        {"resource": "part_transaction", "record": "$", "id_is_delivery": true, "fields": {"kind": "consumed"}}],
      "Order.Changed": [{"id": "$.data.MaintenanceOrder", "read_back": true}]}}}');
CREATE SERVER tasks FOREIGN DATA WRAPPER cmms OPTIONS (type 'tasks', base_url 'http://127.0.0.1:9');
CREATE FUNCTION send(document text, headers jsonb DEFAULT '{}', OUT outcome text, OUT http_status integer, OUT detail text) LANGUAGE sql AS
  $$ SELECT i.outcome, i.http_status, i.detail FROM cmms.ingest_webhook('tasks', convert_to(document, 'UTF8'), headers) i $$;

-- One event, three records; again; an activity on a task that is not here needs its description.
\set activity '{"_event":"ActivityWasAddedOnTask","emittedAt":"2026-01-01T00:00:00Z","task":{"taskId":"t1","description":"Lamps"},"equipment":{"equipmentId":"e1","itemCode":"EQ-1","name":"FREDS"},"activity":{"activityId":19823,"description":"replaced","timeSpentInMinutes":120,"reporter":{"lastName":"Doe"}}}'
SELECT * FROM send(:'activity');
SELECT outcome, http_status FROM send(:'activity');
SELECT * FROM send('{"_event":"ActivityWasAddedOnTask","task":{"taskId":"t9"},"activity":{"activityId":1,"description":"x"}}');
SELECT * FROM send('{"_event":"ActivityWasAddedOnTask","activity":{"activityId":1}}');
SELECT w.title, c.author, c.body, c.time_spent_minutes, a.name FROM cmms.work_order w JOIN cmms.comment c USING (tenant_id, common_work_order_id), cmms.asset a;

SELECT resource, source_record_id, reason FROM cmms.held_record ORDER BY resource;

-- What the record lacked comes with a later event: all that was held goes on.
SELECT * FROM send('{"_event":"ActivityWasAddedOnTask","emittedAt":"2026-01-02T00:00:00Z","task":{"taskId":"t9","description":"Valve"},"activity":{"activityId":1,"description":"x"}}');
SELECT resource, source_record_id FROM cmms.held_record;

-- The time of the event is the record's: an older event does not overwrite a newer one.
SELECT * FROM send('{"_event":"TaskWasCompleted","id":"t1","doneAt":"2026-01-03T00:00:00Z"}');
SELECT * FROM send('{"_event":"TaskWasStarted","taskId":"t1","started":{"on":"2026-01-02T00:00:00Z"}}');
SELECT common_status, source_updated_at = '2026-01-03 00:00+00' AS newest FROM cmms.work_order WHERE source_work_order_id = 't1';

-- An order of ours whose id is not known yet is found by our reference in the metadata.
INSERT INTO cmms.work_order (common_work_order_id, provider_id, title) VALUES ('00000000-0000-0000-0000-0000000000aa', 'tasks', 'Ours');
SELECT * FROM send('{"_event":"TaskWasScheduled","taskId":"t2","scheduled":{"on":"2026-01-03T00:00:00Z"},"metadata":{"cmms":"00000000-0000-0000-0000-0000000000aa"}}');
SELECT source_work_order_id, title, common_status FROM cmms.work_order WHERE common_work_order_id = '00000000-0000-0000-0000-0000000000aa';
SELECT operation, source_record_id FROM cmms.outbox WHERE record_id = '00000000-0000-0000-0000-0000000000aa';

-- The same of one that was sent, and whose provider answered without an id.
INSERT INTO cmms.work_order (common_work_order_id, provider_id, title) VALUES ('00000000-0000-0000-0000-0000000000cc', 'tasks', 'Sent');
DELETE FROM cmms.outbox WHERE record_id = '00000000-0000-0000-0000-0000000000cc';
UPDATE cmms.work_order SET sync_state = 'synchronized' WHERE common_work_order_id = '00000000-0000-0000-0000-0000000000cc';
SELECT * FROM send('{"_event":"TaskWasScheduled","taskId":"t4","scheduled":{"on":"2026-01-03T00:00:00Z"},"metadata":{"cmms":"00000000-0000-0000-0000-0000000000cc"}}');
SELECT source_work_order_id, common_status, sync_state FROM cmms.work_order WHERE common_work_order_id = '00000000-0000-0000-0000-0000000000cc';

-- The same of one that is in doubt: it is synchronized, and not sent again.
INSERT INTO cmms.work_order (common_work_order_id, provider_id, title) VALUES ('00000000-0000-0000-0000-0000000000bb', 'tasks', 'In doubt');
UPDATE cmms.outbox SET state = 'in_doubt', claimed_change_seq = change_seq WHERE record_id = '00000000-0000-0000-0000-0000000000bb';
UPDATE cmms.work_order SET sync_state = 'in_doubt' WHERE common_work_order_id = '00000000-0000-0000-0000-0000000000bb';
SELECT * FROM send('{"_event":"TaskWasScheduled","taskId":"t3","scheduled":{"on":"2026-01-03T00:00:00Z"},"metadata":{"cmms":"00000000-0000-0000-0000-0000000000bb"}}');
SELECT source_work_order_id, common_status, sync_state FROM cmms.work_order WHERE common_work_order_id = '00000000-0000-0000-0000-0000000000bb';
SELECT count(*) FROM cmms.outbox WHERE record_id = '00000000-0000-0000-0000-0000000000bb';

-- A consumption is a transaction and the stock of the part; it has no id, so the delivery's tells it from others.
\set consumed '{"_event":"SparePartWasConsumed","emittedAt":"2026-01-04T00:00:00Z","task":{"taskId":"t1"},"sparePart":{"sparePartId":"p1","name":"Rotor","articleCode":"SP-1","stock":119},"consumed":{"quantity":3}}'
SELECT * FROM send(:'consumed');
SELECT outcome FROM send(:'consumed');
SELECT * FROM send(replace(:'consumed', '"stock":119', '"stock":116'));
SELECT t.kind, t.quantity, w.title, p.name, p.stock_quantity FROM cmms.part_transaction t JOIN cmms.part p USING (tenant_id, part_id)
JOIN cmms.work_order w USING (tenant_id, common_work_order_id);
SELECT delivery_id LIKE 'derived:%' AS derived FROM cmms.webhook_event WHERE event_type = 'SparePartWasConsumed' ORDER BY webhook_event_id;

-- An event that only names its record has it read.
SELECT * FROM send('{"type":"Order.Changed","id":"ce-1","data":{"MaintenanceOrder":"4002903"}}');
SELECT outcome, http_status FROM send('{"type":"Order.Changed","id":"ce-1","data":{"MaintenanceOrder":"4002903"}}');
SELECT * FROM send('{"type":"Order.Changed","id":"ce-2","data":{}}');
SELECT resource, source_record_id FROM cmms.read_back;

-- The secret in the path: the gateway hands it on; it is kept nowhere.
ALTER SERVER tasks OPTIONS (ADD webhook_scheme 'path_secret');
SELECT state, message, hint FROM raised($$CREATE USER MAPPING FOR PUBLIC SERVER tasks OPTIONS (webhook_secret 'short')$$);
CREATE USER MAPPING FOR PUBLIC SERVER tasks OPTIONS (webhook_secret 'old-secret-of-the-path,new-secret-of-the-path');
SELECT outcome, http_status FROM send('{"_event":"TaskWasStarted","taskId":"t1"}', '{"X-Webhook-Path": "/hooks/new-secret-of-the-path"}');
SELECT outcome, http_status FROM send('{"_event":"TaskWasStarted","taskId":"t1","n":2}', '{"X-Original-URI": "/hooks/old-secret-of-the-path?x=1"}');
SELECT * FROM send('{"_event":"TaskWasStarted","taskId":"t1"}', '{"X-Webhook-Path": "/hooks/not-a-secret-of-the-path"}');
SELECT * FROM send('{"_event":"TaskWasStarted","taskId":"t1"}');
SELECT headers FROM cmms.webhook_event ORDER BY webhook_event_id DESC LIMIT 4;
ROLLBACK;
