-- Local changes are queued, one row for each order.
CREATE VIEW queue AS
SELECT w.title, q.provider_id, q.operation, array(SELECT unnest(q.changed_fields) ORDER BY 1) AS changed_fields, q.change_seq, q.state,
       q.attempts, q.source_record_id
FROM cmms.outbox q LEFT JOIN cmms.work_order w ON w.tenant_id = q.tenant_id AND w.common_work_order_id = q.record_id ORDER BY q.outbox_id;

BEGIN;
INSERT INTO cmms.work_order (provider_id, title) VALUES ('plant_a', 'A'), ('plant_b', 'B');
UPDATE cmms.work_order SET priority = 'high', asset_ref = 'AST-1' WHERE title = 'A';
UPDATE cmms.work_order SET priority = 'low' WHERE title = 'A';
-- Not news: the same value, and columns that are not pushed.
UPDATE cmms.work_order SET priority = 'low', last_error = 'x' WHERE title = 'A';
TABLE queue;

-- A claimed row keeps its state and time; later changes are counted.
UPDATE cmms.outbox SET state = 'in_flight', claimed_change_seq = change_seq, attempts = 1, next_attempt_at = '2100-01-01';
UPDATE cmms.work_order SET title = 'A2' WHERE title = 'A';
SELECT title, state, change_seq > claimed_change_seq AS later_changes, next_attempt_at = '2100-01-01' AS time_kept
FROM cmms.outbox JOIN cmms.work_order ON common_work_order_id = record_id ORDER BY title;
-- It cannot be deleted while its creation is under way.
SELECT state, hint FROM raised($$DELETE FROM cmms.work_order WHERE title = 'A2'$$);
-- In doubt stays in doubt.
UPDATE cmms.outbox SET state = 'in_doubt';
UPDATE cmms.work_order SET sync_state = 'in_doubt';
UPDATE cmms.work_order SET description = 'more' WHERE title = 'B';
SELECT w.title, w.sync_state, q.state FROM cmms.work_order w JOIN cmms.outbox q ON q.record_id = w.common_work_order_id ORDER BY 1;

-- Sent: the rows are gone, the orders have ids. A change is an update, with what changed only.
DELETE FROM cmms.outbox;
UPDATE cmms.work_order SET sync_state = 'synchronized', source_work_order_id = '9' || title;
UPDATE cmms.work_order SET completed_at = now(), labor_cost = 12 WHERE title = 'B';
TABLE queue;
-- Deleted: an order that the provider has is deleted there too.
DELETE FROM cmms.work_order;
TABLE queue;
ROLLBACK;

-- Never sent: nothing is left of it.
BEGIN;
INSERT INTO cmms.work_order (provider_id, title) VALUES ('plant_a', 'A');
DELETE FROM cmms.work_order;
SELECT count(*) FROM cmms.outbox;
ROLLBACK;

-- Held: a change may be the cure, so it is tried again. Rejected: queued anew by a change, or by cmms.retry.
BEGIN;
INSERT INTO cmms.work_order (provider_id, title) VALUES ('plant_a', 'A'), ('plant_a', 'B');
UPDATE cmms.outbox SET state = 'held', attempts = 7;
UPDATE cmms.work_order SET work_type = 'reactive' WHERE title = 'A';
SELECT title, state, attempts FROM queue;
SELECT cmms.retry(common_work_order_id) FROM cmms.work_order WHERE title = 'B';
SELECT title, state, attempts FROM queue;
DELETE FROM cmms.outbox;
UPDATE cmms.work_order SET sync_state = 'rejected', last_error = 'no', last_error_class = 'validation';
UPDATE cmms.work_order SET work_type = 'planned' WHERE title = 'A';
SELECT cmms.retry(common_work_order_id) FROM cmms.work_order WHERE title = 'B';
TABLE queue;
SELECT title, sync_state FROM cmms.work_order ORDER BY 1;
-- Nothing to do, and nothing known.
DELETE FROM cmms.outbox;
UPDATE cmms.work_order SET sync_state = 'synchronized';
SELECT cmms.retry(common_work_order_id) FROM cmms.work_order WHERE title = 'B';
SELECT * FROM raised($$SELECT cmms.retry('00000000-0000-0000-0000-000000000000')$$);
ROLLBACK;

-- Modes.
BEGIN;
INSERT INTO cmms.work_order (provider_id, title, source_work_order_id) VALUES ('plant_a', 'A', '1');
INSERT INTO cmms.provider (provider_id, tenant_id, mode) VALUES ('plant_a', 'default', 'read');
SELECT * FROM raised($$INSERT INTO cmms.work_order (provider_id, title) VALUES ('plant_a', 'B')$$);
SELECT state FROM raised($$UPDATE cmms.work_order SET title = 'A2'$$);
SELECT state FROM raised($$DELETE FROM cmms.work_order$$);
SELECT state, message FROM raised($$UPDATE cmms.work_order SET sync_state = 'stale'$$);
UPDATE cmms.provider SET mode = 'handoff';
INSERT INTO cmms.work_order (provider_id, title) VALUES ('plant_a', 'B');
UPDATE cmms.work_order SET description = 'not sent yet' WHERE title = 'B';
SELECT title, operation, changed_fields, change_seq FROM queue WHERE title = 'B';
SELECT state, hint FROM raised($$UPDATE cmms.work_order SET title = 'A2' WHERE title = 'A'$$);
UPDATE cmms.outbox SET state = 'in_flight';
SELECT state, hint FROM raised($$UPDATE cmms.work_order SET title = 'B2' WHERE title = 'B'$$);
UPDATE cmms.provider SET mode = 'draft';
INSERT INTO cmms.work_order (provider_id, title) VALUES ('plant_a', 'C');
SELECT w.title, w.sync_state, q.state FROM cmms.work_order w JOIN cmms.outbox q ON q.record_id = w.common_work_order_id WHERE title = 'C';
SELECT cmms.approve(common_work_order_id) FROM cmms.work_order WHERE title = 'C';
SELECT cmms.approve(common_work_order_id) FROM cmms.work_order WHERE title = 'C';
SELECT w.title, w.sync_state, q.state FROM cmms.work_order w JOIN cmms.outbox q ON q.record_id = w.common_work_order_id WHERE title = 'C';
ROLLBACK;

-- One statement, one set operation: ten thousand rows after a plan was made for one.
BEGIN;
INSERT INTO cmms.work_order (provider_id, title) VALUES ('plant_a', '0');
UPDATE cmms.work_order SET common_status = 'triaged';
INSERT INTO cmms.work_order (provider_id, title, common_status) SELECT 'plant_a', n::text, 'triaged' FROM generate_series(1, 9999) n;
SET LOCAL statement_timeout = '60s';
UPDATE cmms.work_order SET common_status = 'in_progress', priority = 'low';
RESET statement_timeout;
SELECT count(*), min(change_seq), max(change_seq) FROM cmms.outbox;
SELECT to_status, left_at IS NULL AS open, count(*) FROM cmms.status_history GROUP BY 1, 2 ORDER BY 1, 2;
SELECT event_type, count(*) FROM cmms.event GROUP BY 1 ORDER BY 1;
DELETE FROM cmms.work_order WHERE title = '0';
SET LOCAL statement_timeout = '60s';
DELETE FROM cmms.work_order;
SELECT (SELECT count(*) FROM cmms.outbox) AS queued, (SELECT count(*) FROM cmms.status_history) AS history;
ROLLBACK;
DROP VIEW queue;
