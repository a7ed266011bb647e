// How a commit reaches the sync worker of its database.
#pragma once

#include <cstdint>
#include <string_view>

namespace cmms::pg {

// What a worker is woken to look at, as bits: one for all that is no queue, and one for the queues of each
// provider, which some of them have to share.
using WakeReasons = std::uint32_t;
inline constexpr WakeReasons wake_for_rest = 1;
inline constexpr WakeReasons wake_for_everything = ~WakeReasons{0};
WakeReasons wake_for_queue(std::string_view provider_id);  // something is to be sent to it

// Once the current transaction has committed, wakes this database's sync worker; where there is none, the
// launcher, which starts one. A rollback wakes nobody, and neither does PREPARE TRANSACTION.
void wake_worker_at_commit(WakeReasons reasons = wake_for_everything);
bool wake_is_pending();  // the current transaction has something for the worker

// While the library is preloaded: COMMIT PREPARED, which nobody else hears of, wakes the worker that is
// there.
void notice_prepared_commits();

bool workers_are_possible();  // the library was preloaded and the server is not in recovery
bool worker_is_running();     // in this database

}  // namespace cmms::pg
