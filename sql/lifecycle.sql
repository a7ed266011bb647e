-- The lifecycle as shipped.
SELECT f.name AS from_status, string_agg(t.to_status || ' (' || t.verb || ')', ', ' ORDER BY s.sort_order) AS moves
FROM cmms.common_status f JOIN cmms.transition t ON t.from_status = f.name JOIN cmms.common_status s ON s.name = t.to_status
GROUP BY f.name, f.sort_order ORDER BY f.sort_order;

BEGIN;
INSERT INTO cmms.work_order (provider_id, title) VALUES ('plant_a', 'Pump');
SELECT * FROM raised($$UPDATE cmms.work_order SET common_status = 'closed'$$);
SELECT * FROM raised($$UPDATE cmms.work_order SET common_status = 'finished'$$);
UPDATE cmms.work_order SET common_status = 'assigned';
SELECT assigned_at = now() AS assigned, started_at, completed_at, closed_at FROM cmms.work_order;
UPDATE cmms.work_order SET common_status = 'in_progress', started_at = '2026-01-02 03:04+00';
SELECT started_at = '2026-01-02 03:04+00' AS given FROM cmms.work_order;
UPDATE cmms.work_order SET common_status = 'completed';
UPDATE cmms.work_order SET common_status = 'closed';
SELECT completed_at = now() AS completed, closed_at = now() AS closed FROM cmms.work_order;
SELECT s.* FROM cmms.work_order w, cmms.allowed_statuses(w.common_work_order_id) s;
-- Reopened: no end any more.
UPDATE cmms.work_order SET common_status = 'in_progress';
SELECT common_status, completed_at, closed_at, started_at IS NOT NULL AS started FROM cmms.work_order;

-- Every status with its time, one of them open.
SELECT from_status, to_status, cause, changed_by = session_user AS by_me, left_at IS NULL AS open
FROM cmms.status_history ORDER BY status_history_id;

-- A move switched off stays in the table, as the DBA's own.
UPDATE cmms.transition SET allowed = false WHERE from_status = 'in_progress' AND to_status = 'on_hold';
SELECT built_in FROM cmms.transition WHERE from_status = 'in_progress' AND to_status = 'on_hold';
SELECT state, hint FROM raised($$UPDATE cmms.work_order SET common_status = 'on_hold'$$);

-- An order may be born in any status, and takes its history with it.
INSERT INTO cmms.work_order (provider_id, title, common_status) VALUES ('plant_b', 'Done already', 'completed');
SELECT completed_at = now() AS completed FROM cmms.work_order WHERE provider_id = 'plant_b';
DELETE FROM cmms.work_order;
SELECT count(*) FROM cmms.status_history;
ROLLBACK;
