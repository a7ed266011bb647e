-- Assets, parts and persons as applications write them; part transactions are append-only.
BEGIN;
INSERT INTO cmms.asset (provider_id, identifier, name, tags) VALUES ('hub_c', 'EQ-0001', 'Machine tool', ARRAY['heavy']);
INSERT INTO cmms.part (provider_id, identifier, name, unit_price, currency, stock_quantity) VALUES ('hub_c', 'SP-1', 'Rotor', 35, 'EUR', 9);
INSERT INTO cmms.person (provider_id, name, email) VALUES ('plant_b', 'Ann', 'ann@example.com');
UPDATE cmms.part SET stock_quantity = 8, minimum_stock = 2;
UPDATE cmms.part SET last_synced_at = now();
SELECT tenant_id, identifier, name, tags, sync_state FROM cmms.asset;
SELECT tenant_id, name, unit_price, currency, stock_quantity, sync_state FROM cmms.part;
SELECT tenant_id, name, email, sync_state FROM cmms.person;
DELETE FROM cmms.asset;
SELECT event_type, resource, tenant_id, record_id IS NOT NULL AS of_a_record, detail FROM cmms.event ORDER BY event_id;

-- What they cannot be.
SELECT state, message FROM raised($$INSERT INTO cmms.part (provider_id, stock_quantity) VALUES ('hub_c', 'NaN')$$);
SELECT state, message FROM raised($$INSERT INTO cmms.part (provider_id, stock_quantity) VALUES ('hub_c', 'Infinity')$$);
SELECT state, message FROM raised($$INSERT INTO cmms.part (provider_id, unit_price, currency) VALUES ('hub_c', 1, 'euro')$$);
SELECT state, message FROM raised($$INSERT INTO cmms.part (provider_id, name) VALUES ('hub_c', '')$$);
SELECT state, message, hint FROM raised($$INSERT INTO cmms.part (provider_id, tenant_id, name) VALUES ('plant_b', 'default', 'x')$$);
SELECT state, message LIKE 'tenant, provider and id of part % cannot be changed' AS told, hint FROM raised($$UPDATE cmms.part SET provider_id = 'plant_a'$$);
SELECT state, message, hint FROM raised($$TRUNCATE cmms.part$$);
INSERT INTO cmms.asset (provider_id, source_asset_id) VALUES ('hub_c', '7'), ('plant_a', '7');
SELECT state, message FROM raised($$INSERT INTO cmms.asset (provider_id, source_asset_id) VALUES ('hub_c', '7')$$);

-- Part transactions find the part and the order that they name.
UPDATE cmms.part SET source_part_id = 'p-1';
INSERT INTO cmms.work_order (provider_id, title) VALUES ('hub_c', 'Replace the rotor');
UPDATE cmms.work_order SET source_work_order_id = 'w-1';
INSERT INTO cmms.part_transaction (provider_id, part_ref, kind, quantity, work_order_ref) VALUES ('hub_c', 'p-1', 'consumed', 1, 'w-1'), ('hub_c', 'p-2', 'restocked', 2, NULL);
SELECT t.kind, t.quantity, p.name, w.title FROM cmms.part_transaction t LEFT JOIN cmms.part p USING (tenant_id, part_id)
LEFT JOIN cmms.work_order w USING (tenant_id, common_work_order_id) ORDER BY t.kind;
SELECT state, message FROM raised($$UPDATE cmms.part_transaction SET quantity = 0$$);
SELECT state, message FROM raised($$DELETE FROM cmms.part_transaction$$);
SELECT state, message FROM raised($$INSERT INTO cmms.part_transaction (provider_id, kind) VALUES ('hub_c', 'stolen')$$);

-- Tenants are walls.
CREATE ROLE regress_cmms_record_writer;
CREATE ROLE regress_cmms_record_reader;
SELECT cmms.grant_access('regress_cmms_record_writer', 'acme'), cmms.grant_access('regress_cmms_record_reader', 'acme', 'read');
SET LOCAL ROLE regress_cmms_record_writer;
INSERT INTO cmms.part (provider_id, name) VALUES ('plant_b', 'of acme');
UPDATE cmms.part SET description = 'seen';
SELECT tenant_id, name, description FROM cmms.part;
SELECT count(*) FROM cmms.part_transaction;
SELECT state, message FROM raised($$INSERT INTO cmms.asset (provider_id, name) VALUES ('hub_c', 'x')$$);
SET LOCAL ROLE regress_cmms_record_reader;
SELECT name FROM cmms.part;
SELECT state, message FROM raised($$DELETE FROM cmms.part$$);
RESET ROLE;
ROLLBACK;
