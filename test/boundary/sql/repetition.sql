-- 20,000 errors of each kind in one session: SQLSTATE, message, detail and hint are kept, nothing is left behind.
SELECT k AS kind, r.* FROM boundary.kinds() AS k, boundary.repeat_failure(k, 20000) AS r;

-- The same, trapped by in_subtransaction(); a cancel is not trapped.
SELECT k AS kind, boundary.fail_in_subtransactions(k, 20000) FROM boundary.kinds() AS k WHERE k <> 'cancel';
SELECT boundary.fail_in_subtransactions('cancel', 1);
SELECT boundary.live_objects();
