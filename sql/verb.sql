-- What planners do with an order.
CREATE FUNCTION order_id(wanted text) RETURNS uuid STABLE LANGUAGE sql AS $$
  SELECT w.common_work_order_id FROM cmms.work_order w WHERE w.title = wanted $$;
CREATE FUNCTION history(wanted text) RETURNS text STABLE LANGUAGE sql AS $$
  SELECT string_agg(h.to_status, ' ' ORDER BY h.status_history_id) FROM cmms.status_history h WHERE h.common_work_order_id = order_id(wanted) $$;

BEGIN;
INSERT INTO cmms.work_order (provider_id, title) VALUES ('plant_a', 'Pump');
SELECT common_status, assignees, assigned_at = now() AS stamped FROM cmms.assign(order_id('Pump'), '{ada}');
-- Work under way changes hands and stays under way.
UPDATE cmms.work_order SET common_status = 'in_progress';
SELECT common_status, assignees FROM cmms.assign(order_id('Pump'), '{ben,eve}');
SELECT common_status FROM cmms.hold(order_id('Pump'), 'waits for a seal');
SELECT common_status, assignees FROM cmms.assign(order_id('Pump'), '{ada}');
SELECT common_status FROM cmms.resume(order_id('Pump'));
SELECT common_status, completed_at FROM cmms.complete(order_id('Pump'), '2026-01-02 03:04+00');
-- Said twice: done once, and the time stays.
SELECT common_status, completed_at FROM cmms.complete(order_id('Pump'));
SELECT common_status, closed_at = now() AS stamped FROM cmms.close(order_id('Pump'));
SELECT common_status FROM cmms.close(order_id('Pump'));
SELECT common_status, completed_at, closed_at FROM cmms.reopen(order_id('Pump'), 'leaks again');
SELECT common_status FROM cmms.cancel(order_id('Pump'), 'scrapped');
SELECT common_status FROM cmms.cancel(order_id('Pump'), 'scrapped, I said');
SELECT common_status FROM cmms.reopen(order_id('Pump'), 'found a new one');
SELECT history('Pump');
SELECT reason_for, body, author = session_user AS by_me, added_by = session_user AS added_by_me, sync_state FROM cmms.comment ORDER BY comment_id;
-- One thing to send.
SELECT operation, array(SELECT unnest(changed_fields) ORDER BY 1), change_seq FROM cmms.outbox;
ROLLBACK;

-- Several steps off: each in the history, one thing to send, and one event for each step.
BEGIN;
INSERT INTO cmms.work_order (provider_id, title, source_work_order_id) VALUES ('plant_a', 'Fan', '5'), ('plant_a', 'Lamp', '6');
DELETE FROM cmms.outbox;
DELETE FROM cmms.event;
SELECT common_status, completed_at = now() AS completed, closed_at = now() AS closed FROM cmms.close(order_id('Fan'));
SELECT history('Fan');
SELECT operation, array(SELECT unnest(changed_fields) ORDER BY 1) FROM cmms.outbox;
SELECT event_type, detail FROM cmms.event ORDER BY event_id;
SELECT * FROM raised($$UPDATE cmms.work_order SET common_status = 'closed' WHERE title = 'Lamp'$$);
-- The provider is told the last status: what it allows is asked of that one, and what it said stays.
UPDATE cmms.work_order SET source_allowed_statuses = '{closed}' WHERE title = 'Lamp';
SELECT common_status, source_allowed_statuses FROM cmms.set_status(order_id('Lamp'), 'closed');
ROLLBACK;

-- All or nothing.
BEGIN;
INSERT INTO cmms.work_order (provider_id, title, source_work_order_id, source_allowed_statuses) VALUES ('plant_a', 'Fan', '5', '{completed}');
SELECT * FROM raised($$SELECT cmms.close(order_id('Fan'))$$);
SELECT common_status, source_allowed_statuses, history('Fan') FROM cmms.work_order;
ROLLBACK;

-- Bad input.
BEGIN;
INSERT INTO cmms.work_order (common_work_order_id, provider_id, title, common_status) VALUES
  ('00000000-0000-0000-0000-00000000000a', 'plant_a', 'new', 'requested'), (DEFAULT, 'plant_a', 'done', 'completed'),
  (DEFAULT, 'plant_a', 'over', 'closed'), (DEFAULT, 'plant_a', 'off', 'cancelled');
SELECT state, message, hint FROM raised($$SELECT cmms.close('00000000-0000-0000-0000-000000000000')$$);
SELECT state, message FROM raised($$SELECT cmms.close(NULL)$$);
SELECT state, message, hint FROM raised($$SELECT cmms.set_status(order_id('new'), 'finished')$$);
SELECT state, message FROM raised($$SELECT cmms.set_status(order_id('new'), NULL)$$);
SELECT state, message, hint FROM raised($$SELECT cmms.assign(order_id('new'), '{}')$$);
SELECT state, message FROM raised($$SELECT cmms.assign(order_id('new'), NULL)$$);
SELECT state, message FROM raised($$SELECT cmms.assign(order_id('new'), '{ada,NULL}')$$);
SELECT state, message FROM raised($$SELECT cmms.assign(order_id('new'), '{" "}')$$);
SELECT state, hint FROM raised($$SELECT cmms.assign(order_id('done'), '{ada}')$$);
SELECT state, hint FROM raised($$SELECT cmms.assign(order_id('off'), '{ada}')$$);
SELECT state, message FROM raised($$SELECT cmms.cancel(order_id('new'), ' ')$$);
SELECT state, message FROM raised($$SELECT cmms.hold(order_id('new'), NULL)$$);
SELECT state, message FROM raised($$SELECT cmms.reopen(order_id('over'), '')$$);
SELECT state, message, hint FROM raised($$SELECT cmms.reopen(order_id('new'), 'why not')$$);
SELECT state, message, hint FROM raised($$SELECT cmms.resume(order_id('new'))$$);
-- Nothing is reopened on the way.
SELECT state, message, hint FROM raised($$SELECT cmms.hold(order_id('done'), 'waits')$$);
SELECT state, message, hint FROM raised($$SELECT cmms.complete(order_id('over'))$$);
SELECT state, message, hint FROM raised($$SELECT cmms.close(order_id('off'))$$);
SELECT state, message, hint FROM raised($$SELECT cmms.cancel(order_id('over'), 'too late')$$);
SELECT title, common_status FROM cmms.work_order ORDER BY title;
ROLLBACK;

-- With the caller's own rights.
BEGIN;
CREATE ROLE regress_cmms_planner;
CREATE ROLE regress_cmms_looker;
SELECT cmms.grant_access('regress_cmms_planner', 'acme', 'write'), cmms.grant_access('regress_cmms_planner', 'default', 'read'),
       cmms.grant_access('regress_cmms_looker', 'acme', 'read');
GRANT EXECUTE ON FUNCTION raised, order_id, history TO PUBLIC;
INSERT INTO cmms.work_order (common_work_order_id, provider_id, title) VALUES
  ('00000000-0000-0000-0000-00000000000a', 'plant_a', 'of default'), (DEFAULT, 'plant_b', 'of acme');
SET LOCAL ROLE regress_cmms_planner;
SELECT common_status FROM cmms.assign(order_id('of acme'), '{ada}');
SELECT common_status FROM cmms.hold(order_id('of acme'), 'no key');
SELECT common_status FROM cmms.resume(order_id('of acme'));
SELECT common_status FROM cmms.close(order_id('of acme'));
SELECT common_status FROM cmms.reopen(order_id('of acme'), 'door is open');
SELECT changed_by FROM cmms.status_history WHERE common_work_order_id = order_id('of acme') AND left_at IS NULL;
SELECT body, author, added_by FROM cmms.comment ORDER BY comment_id;
SELECT count(*) FROM cmms.status_history_of(order_id('of acme')) WHERE last_date_captured IS NOT NULL;
SELECT state, message FROM raised($$SELECT cmms.close(order_id('of default'))$$);
SELECT state, message FROM raised($$SELECT cmms.comment(order_id('of default'), 'x')$$);
SET LOCAL ROLE regress_cmms_looker;
SELECT cmms.next_suggested_status(order_id('of acme')), history('of acme');
SELECT state, message FROM raised($$SELECT cmms.close(order_id('of acme'))$$);
SELECT state, message FROM raised($$SELECT cmms.comment(order_id('of acme'), 'x')$$);
SELECT count(*) FROM cmms.comment;
ROLLBACK;
DROP FUNCTION history, order_id;
