-- Each kind of error once, as the client sees it.
CREATE EXTENSION cmms_boundary;

SELECT boundary.fail('exception');
SELECT boundary.fail('bad_alloc');
SELECT boundary.fail('number');
\set SHOW_CONTEXT always
SELECT boundary.fail('report');
SELECT boundary.fail('backend error');
SELECT boundary.fail('nested backend error');
SELECT boundary.fail('error rethrown as value');
SELECT boundary.fail('guarded function');
SELECT boundary.fail('exception through pg_call');
SELECT boundary.fail('sql error');
SELECT boundary.fail('sql error below sql');
SELECT boundary.fail('report in spi scope');
SELECT boundary.fail('error in plpgsql');
SELECT boundary.fail('cancel');
SELECT boundary.fail('swallow');

-- The session goes on, and no object is left.
SELECT boundary.live_objects();
