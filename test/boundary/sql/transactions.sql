-- What in_subtransaction() and in_transaction() roll back and keep.
CREATE TABLE boundary_target (id integer PRIMARY KEY);

SELECT boundary.run_subtransaction('INSERT INTO boundary_target VALUES (1)');
SELECT boundary.run_subtransaction('INSERT INTO boundary_target VALUES (2), (1)');
SELECT boundary.run_subtransaction('INSERT INTO boundary_target VALUES (3)');
SELECT * FROM boundary_target ORDER BY id;

-- A deferred constraint is checked at the outer commit, not when the subtransaction ends.
CREATE TABLE boundary_child (id integer REFERENCES boundary_target DEFERRABLE INITIALLY DEFERRED);
BEGIN;
SELECT boundary.run_subtransaction('INSERT INTO boundary_child VALUES (99)');
COMMIT;
SELECT count(*) FROM boundary_child;

SELECT boundary.transaction_in_transaction();

-- A background worker that does nothing but fail, 20,000 transactions of each kind.
SELECT boundary.fail_in_transactions(20000);
SELECT * FROM boundary.worker_report ORDER BY kind;
