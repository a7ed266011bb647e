#include "pg/launcher/launcher.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <iterator>
#include <string>
#include <utility>

#include "pg/boundary/guard.hpp"
#include "pg/launcher/database_list.hpp"
#include "pg/module.hpp"
#include "pg/worker/wake.hpp"

extern "C" {
#include "postmaster/interrupt.h"
}

namespace cmms::pg {
namespace {

constexpr TimestampTz seconds(int count) { return static_cast<TimestampTz>(count) * USECS_PER_SEC; }

constexpr TimestampTz probe_interval = seconds(60);
constexpr TimestampTz make_way_interval = seconds(10);  // DROP DATABASE itself waits for five
constexpr TimestampTz shortage_interval = seconds(10);
constexpr TimestampTz slow_start = seconds(5);   // no longer holds up the other databases
constexpr TimestampTz lost_start = seconds(60);  // of a worker without a handle: it never came up
constexpr int longest_backoff_seconds = 300;

TimestampTz failure_backoff(int failures) {
  const int doublings = std::min(failures - 1, 9);
  return seconds(std::min(1 << doublings, longest_backoff_seconds));
}

// Only ever compared with itself: setting the server's clock must not hold anything up.
TimestampTz steady_time() {
  using namespace std::chrono;
  return duration_cast<microseconds>(steady_clock::now().time_since_epoch()).count();
}

void forget_launcher(int /*code*/, Datum /*argument*/) {
  SharedStateLock lock(LW_EXCLUSIVE);
  shared_state()->launcher_process_number = -1;
}

}  // namespace

void Launcher::refresh_databases(TimestampTz now) {
  const std::vector<Oid> listed = list_databases();
  for (const Oid database : listed) {
    // A new database starts as a candidate that is due at once: CREATE DATABASE .. TEMPLATE may have brought
    // pg_cmms.
    candidates_.try_emplace(database, Candidate{now, 0, 0, nullptr});
  }
  for (auto candidate = candidates_.begin(); candidate != candidates_.end();) {
    const bool is_gone = std::find(listed.begin(), listed.end(), candidate->first) == listed.end();
    candidate = is_gone && !is_served(candidate->first) ? candidates_.erase(candidate) : std::next(candidate);
  }
  next_refresh_at_ = now + probe_interval;
}

// A commit asks for a worker that is not there. Backoff after failures stays as it is: a worker that dies of
// what it finds must not be started by every commit.
void Launcher::take_requests(TimestampTz now) {
  std::vector<Oid> requests;
  requests.reserve(max_launch_requests);
  bool probe_all = false;
  {
    SharedState& state = *shared_state();
    SharedStateLock lock(LW_EXCLUSIVE);
    requests.assign(state.requests, state.requests + state.request_count);
    state.request_count = 0;
    probe_all = std::exchange(state.probe_all, false);
  }
  for (const Oid database : requests) candidates_.try_emplace(database, Candidate{now, 0, 0, nullptr});
  for (auto& [database, candidate] : candidates_) {
    const bool is_requested =
        probe_all || std::find(requests.begin(), requests.end(), database) != requests.end();
    if (is_requested && candidate.failures == 0) candidate.next_start_at = now;
  }
}

bool Launcher::has_stopped(const ServedDatabase& entry, TimestampTz now) {
  Candidate& candidate = candidates_[entry.database];
  // Not when it says so itself: it has its slot until the postmaster has seen it off.
  if (candidate.handle != nullptr) {
    pid_t ignored = 0;
    return pg_call([&] { return GetBackgroundWorkerPid(candidate.handle, &ignored); }) == BGWH_STOPPED;
  }
  if (entry.state == WorkerState::exited) return true;
  if (entry.state != WorkerState::starting) return false;
  if (candidate.started_at == 0) candidate.started_at = now;
  return now - candidate.started_at > lost_start;
}

void Launcher::note_exit(const ServedDatabase& entry, bool was_woken, TimestampTz now) {
  Candidate& candidate = candidates_[entry.database];
  if (candidate.handle != nullptr) pg_call([&] { pfree(candidate.handle); });
  candidate.handle = nullptr;
  candidate.started_at = 0;
  switch (entry.exit_reason) {
    case ExitReason::no_extension:
      candidate.failures = 0;
      candidate.next_start_at = was_woken ? now : now + probe_interval;
      break;
    case ExitReason::reinstalled:
      candidate.failures = 0;
      candidate.next_start_at = now;
      break;
    case ExitReason::making_way:
      candidate.failures = 0;
      candidate.next_start_at = now + make_way_interval;
      next_refresh_at_ = std::min(next_refresh_at_, candidate.next_start_at);  // it may be gone by then
      break;
    case ExitReason::failed:
      candidate.failures = entry.healthy ? 1 : candidate.failures + 1;
      candidate.next_start_at = now + failure_backoff(candidate.failures);
      // The database itself may be gone; the list is read again before the next start.
      next_refresh_at_ = std::min(next_refresh_at_, candidate.next_start_at);
      break;
  }
}

void Launcher::reap(TimestampTz now) {
  SharedState& state = *shared_state();
  for (int i = 0; i < state.entry_count; ++i) {
    ServedDatabase entry;
    {
      SharedStateLock lock(LW_SHARED);
      entry = state.entries[i];
    }
    if (entry.state == WorkerState::unused || !has_stopped(entry, now)) continue;
    bool was_woken = false;
    {
      SharedStateLock lock(LW_EXCLUSIVE);
      ServedDatabase& shared_entry = state.entries[i];
      entry = shared_entry;
      was_woken = pg_atomic_read_u32(&shared_entry.wakes) > 0;
      shared_entry.state = WorkerState::unused;
      shared_entry.database = InvalidOid;
    }
    note_exit(entry, was_woken, now);
    no_start_before_ = 0;
  }
}

bool Launcher::is_served(Oid database) const {
  const SharedState& state = *shared_state();
  SharedStateLock lock(LW_SHARED);
  return std::any_of(state.entries, state.entries + state.entry_count, [&](const ServedDatabase& entry) {
    return entry.state != WorkerState::unused && entry.database == database;
  });
}

// A worker that has come or gone a moment ago decides whether there is a slot for the next one.
bool Launcher::may_start(TimestampTz now) const {
  if (now < no_start_before_) return false;
  const SharedState& state = *shared_state();
  SharedStateLock lock(LW_SHARED);
  return std::none_of(state.entries, state.entries + state.entry_count, [&](const ServedDatabase& entry) {
    if (entry.state != WorkerState::starting && entry.state != WorkerState::exited) return false;
    const auto candidate = candidates_.find(entry.database);
    return candidate == candidates_.end() || now - candidate->second.started_at < slow_start;
  });
}

void Launcher::start_next(TimestampTz now) {
  if (!may_start(now)) return;
  Candidate* next = nullptr;
  Oid database = InvalidOid;
  for (auto& [oid, candidate] : candidates_) {
    if (candidate.next_start_at > now || is_served(oid)) continue;
    if (next == nullptr || candidate.next_start_at < next->next_start_at) {
      next = &candidate;
      database = oid;
    }
  }
  if (next == nullptr) return;
  if (start(database, *next, now)) {
    shortage_is_reported_ = false;
  } else {
    no_start_before_ = now + shortage_interval;
  }
}

bool Launcher::reserve_entry(Oid database, WorkerTicket& ticket) {
  SharedState& state = *shared_state();
  SharedStateLock lock(LW_EXCLUSIVE);
  for (int i = 0; i < state.entry_count; ++i) {
    ServedDatabase& entry = state.entries[i];
    if (entry.state != WorkerState::unused) continue;
    entry.database = database;
    entry.state = WorkerState::starting;
    entry.exit_reason = ExitReason::failed;
    entry.healthy = false;
    entry.ticket = ++state.last_ticket;
    entry.process_number = -1;
    pg_atomic_write_u32(&entry.wakes, 0);
    ticket = WorkerTicket{database, i, entry.ticket};
    return true;
  }
  return false;
}

bool Launcher::start(Oid database, Candidate& candidate, TimestampTz now) {
  WorkerTicket ticket;
  if (!reserve_entry(database, ticket)) {
    report_shortage("all sync workers of pg_cmms are in use, some databases wait",
                    "Raise cmms.max_workers and max_worker_processes.");
    return false;
  }
  BackgroundWorker worker{};
  std::strncpy(worker.bgw_name, "pg_cmms worker", BGW_MAXLEN - 1);
  std::strncpy(worker.bgw_type, "pg_cmms worker", BGW_MAXLEN - 1);
  worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
  worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
  worker.bgw_restart_time = BGW_NEVER_RESTART;  // when to start it again is the launcher's decision
  std::strncpy(worker.bgw_library_name, "pg_cmms", sizeof(worker.bgw_library_name) - 1);
  std::strncpy(worker.bgw_function_name, "cmms_sync_worker_main", BGW_MAXLEN - 1);
  static_assert(sizeof(WorkerTicket) <= BGW_EXTRALEN);
  std::memcpy(worker.bgw_extra, &ticket, sizeof(ticket));
  worker.bgw_notify_pid = MyProcPid;

  const bool is_registered = pg_call([&] {
    const MemoryContext previous = MemoryContextSwitchTo(TopMemoryContext);
    const bool done = RegisterDynamicBackgroundWorker(&worker, &candidate.handle);
    MemoryContextSwitchTo(previous);
    return done;
  });
  candidate.started_at = now;
  if (is_registered) return true;

  candidate.handle = nullptr;
  {
    SharedStateLock lock(LW_EXCLUSIVE);
    shared_state()->entries[ticket.entry].state = WorkerState::unused;
    shared_state()->entries[ticket.entry].database = InvalidOid;
  }
  report_shortage("no background worker slot is free for a sync worker of pg_cmms",
                  "Raise max_worker_processes.");
  return false;
}

void Launcher::report_shortage(const char* message, const char* hint) {
  if (std::exchange(shortage_is_reported_, true)) return;
  log(LOG, message, {}, hint);
}

// The latch cuts this short: a worker sets it when it is up and when it ends, a commit when it wants a
// worker.
long Launcher::wait_milliseconds(TimestampTz now) const {
  TimestampTz until = next_refresh_at_;
  for (const auto& [database, candidate] : candidates_) {
    if (!is_served(database)) until = std::min(until, std::max(candidate.next_start_at, no_start_before_));
  }
  const long milliseconds = static_cast<long>((until - now + 999) / 1000);
  return std::clamp<long>(milliseconds, may_start(now) ? 1 : 100, 60'000);
}

void Launcher::run() {
  while (true) {
    check_for_interrupts_between_transactions();
    if (ConfigReloadPending) {
      ConfigReloadPending = false;
      pg_call([] { ProcessConfigFile(PGC_SIGHUP); });
    }
    const TimestampTz now = steady_time();
    reap(now);
    take_requests(now);
    if (now >= next_refresh_at_) refresh_databases(now);
    start_next(now);
    const long milliseconds = wait_milliseconds(now);
    pg_call([&] {
      WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, milliseconds, PG_WAIT_EXTENSION);
      ResetLatch(MyLatch);
    });
  }
}

void start_launcher() {
  pg_call([] {
    pqsignal(SIGHUP, SignalHandlerForConfigReload);
    pqsignal(SIGTERM, die);
    BackgroundWorkerUnblockSignals();
    BackgroundWorkerInitializeConnection(nullptr, nullptr, 0);  // shared catalogs only
    SetConfigOption("application_name", "pg_cmms launcher", PGC_USERSET, PGC_S_OVERRIDE);
    before_shmem_exit(forget_launcher, 0);
  });
  SharedStateLock lock(LW_EXCLUSIVE);
  shared_state()->launcher_process_number = own_process_number();
}

void register_workers() {
  if (!process_shared_preload_libraries_in_progress || IsBinaryUpgrade) return;
  register_shared_memory();
  notice_prepared_commits();
  BackgroundWorker worker{};
  std::strncpy(worker.bgw_name, "pg_cmms launcher", BGW_MAXLEN - 1);
  std::strncpy(worker.bgw_type, "pg_cmms launcher", BGW_MAXLEN - 1);
  worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
  worker.bgw_start_time = BgWorkerStart_RecoveryFinished;  // a standby is quiet, a promoted one works
  worker.bgw_restart_time = 5;
  std::strncpy(worker.bgw_library_name, "pg_cmms", sizeof(worker.bgw_library_name) - 1);
  std::strncpy(worker.bgw_function_name, "cmms_launcher_main", BGW_MAXLEN - 1);
  RegisterBackgroundWorker(&worker);
}

}  // namespace cmms::pg

extern "C" {
PGDLLEXPORT void cmms_launcher_main(Datum argument);

// Exit code 1, after an error or a SIGTERM, has the postmaster start it again five seconds later.
void cmms_launcher_main(Datum /*argument*/) {
  cmms::pg::enter([] {
    cmms::pg::start_launcher();
    cmms::pg::Launcher().run();
  });
  proc_exit(1);
}
}
