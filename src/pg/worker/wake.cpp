#include "pg/worker/wake.hpp"

#include "pg/boundary/guard.hpp"
#include "pg/worker/shared_state.hpp"

namespace cmms::pg {
namespace {

bool callback_is_registered = false;
bool wake_is_wanted = false;

ServedDatabase* find_entry(SharedState& state, Oid database) {
  for (int i = 0; i < state.entry_count; ++i) {
    ServedDatabase& entry = state.entries[i];
    if (entry.database == database && entry.state != WorkerState::unused) return &entry;
  }
  return nullptr;
}

// A worker that has just ended, or has not got its latch yet, finds the mark in `wakes`.
bool wake_running_worker(SharedState& state) {
  SharedStateLock lock(LW_SHARED);
  ServedDatabase* entry = find_entry(state, MyDatabaseId);
  if (entry == nullptr) return false;
  pg_atomic_fetch_add_u32(&entry->wakes, 1);
  if (entry->state == WorkerState::running) wake_process(entry->process_number);
  return true;
}

void request_launch(SharedState& state) {
  SharedStateLock lock(LW_EXCLUSIVE);
  bool known = false;
  for (int i = 0; i < state.request_count; ++i) known = known || state.requests[i] == MyDatabaseId;
  if (!known && state.request_count < max_launch_requests) {
    state.requests[state.request_count++] = MyDatabaseId;
  } else if (!known) {
    state.probe_all = true;
  }
  wake_process(state.launcher_process_number);
}

// Runs after the transaction has become visible; nothing in it can fail.
void on_transaction_end(XactEvent event, void* /*argument*/) {
  if (!wake_is_wanted) return;
  switch (event) {
    case XACT_EVENT_COMMIT:
      wake_is_wanted = false;
      if (shared_state() != nullptr && !wake_running_worker(*shared_state())) request_launch(*shared_state());
      break;
    case XACT_EVENT_ABORT:
    case XACT_EVENT_PREPARE:
      wake_is_wanted = false;
      break;
    default:
      break;
  }
}

}  // namespace

void wake_worker_at_commit() {
  if (!callback_is_registered) {
    pg_call([] { RegisterXactCallback(on_transaction_end, nullptr); });
    callback_is_registered = true;
  }
  wake_is_wanted = true;
}

bool wake_is_pending() { return wake_is_wanted; }

bool workers_are_possible() { return shared_state() != nullptr && !RecoveryInProgress(); }

bool worker_is_running() {
  SharedState* state = shared_state();
  if (state == nullptr) return false;
  SharedStateLock lock(LW_SHARED);
  const ServedDatabase* entry = find_entry(*state, MyDatabaseId);
  return entry != nullptr && entry->state == WorkerState::running;
}

}  // namespace cmms::pg
