// How a commit reaches the sync worker of its database.
#pragma once

namespace cmms::pg {

// Once the current transaction has committed, wakes this database's sync worker; where there is none, the
// launcher, which starts one. A rollback wakes nobody, and neither does PREPARE TRANSACTION.
void wake_worker_at_commit();
bool wake_is_pending();  // the current transaction has something for the worker

// While the library is preloaded: COMMIT PREPARED, which nobody else hears of, wakes the worker that is
// there.
void notice_prepared_commits();

bool workers_are_possible();  // the library was preloaded and the server is not in recovery
bool worker_is_running();     // in this database

}  // namespace cmms::pg
