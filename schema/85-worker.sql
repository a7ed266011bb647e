-- The sync worker: what applications and scripts may ask of it.

CREATE FUNCTION cmms.wait_until_idle(timeout interval DEFAULT '30 s') RETURNS boolean
  AS 'MODULE_PATHNAME', 'cmms_wait_until_idle' LANGUAGE c STRICT;
COMMENT ON FUNCTION cmms.wait_until_idle(interval) IS
'Waits until nothing is due: no change to send, no poll asked for. True when that is so, false after timeout. For scripts and tests. SQLSTATEs: WO007 the library is not preloaded or the server is in recovery, WO008 the current transaction has changes that cannot leave before it commits.';

-- A database that has just got the extension gets its worker with this commit, not at the launcher's next round.
SELECT cmms.wake_worker();
