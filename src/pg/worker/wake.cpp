#include "pg/worker/wake.hpp"

#include <utility>

#include "pg/boundary/guard.hpp"
#include "pg/worker/shared_state.hpp"

extern "C" {
#include "common/hashfn.h"
#include "nodes/parsenodes.h"
#include "tcop/utility.h"
}

namespace cmms::pg {
namespace {

bool callbacks_are_registered = false;
WakeReasons wanted = 0;  // by the current transaction
WakeReasons due = 0;     // it has committed

ServedDatabase* find_entry(SharedState& state, Oid database) {
  for (int i = 0; i < state.entry_count; ++i) {
    ServedDatabase& entry = state.entries[i];
    if (entry.database == database && entry.state != WorkerState::unused) return &entry;
  }
  return nullptr;
}

// A worker that has just ended, or has not got its latch yet, finds the mark in `wakes`. One that was marked
// already has its latch set, or has no use for more of these now and takes the mark once it has.
bool wake_running_worker(SharedState& state, WakeReasons reasons) {
  SharedStateLock lock(LW_SHARED);
  ServedDatabase* entry = find_entry(state, MyDatabaseId);
  if (entry == nullptr) return false;
  const WakeReasons marked = pg_atomic_fetch_or_u32(&entry->wakes, reasons);
  const bool is_news = (marked & reasons) != reasons;
  if (is_news && entry->state == WorkerState::running) wake_process(entry->process_number);
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

void on_transaction_end(XactEvent event, void* /*argument*/) {
  switch (event) {
    case XACT_EVENT_COMMIT:
      due = std::exchange(wanted, 0);
      break;
    case XACT_EVENT_ABORT:
    case XACT_EVENT_PREPARE:
      wanted = 0;
      break;
    default:
      break;
  }
}

// Of the whole transaction's resources the last: only by now do other processes know that what they have
// cached is out of date, so that a worker woken earlier would miss a change of its configuration. Nothing in
// it can fail.
void on_resource_release(ResourceReleasePhase phase, bool /*is_commit*/, bool is_top_level,
                         void* /*argument*/) {
  if (due == 0 || !is_top_level || phase != RESOURCE_RELEASE_AFTER_LOCKS) return;
  const WakeReasons reasons = std::exchange(due, 0);
  if (shared_state() != nullptr && !wake_running_worker(*shared_state(), reasons))
    request_launch(*shared_state());
}

ProcessUtility_hook_type previous_utility_hook = nullptr;

// An error passes this frame by longjmp: it holds nothing.
void run_utility(PlannedStmt* statement, const char* query, bool keeps_tree, ProcessUtilityContext context,
                 ParamListInfo parameters, QueryEnvironment* environment, DestReceiver* destination,
                 QueryCompletion* completion) {
  const auto* transaction = reinterpret_cast<const TransactionStmt*>(statement->utilityStmt);
  const bool is_prepared_commit =
      IsA(transaction, TransactionStmt) && transaction->kind == TRANS_STMT_COMMIT_PREPARED;
  const auto run = previous_utility_hook != nullptr ? previous_utility_hook : standard_ProcessUtility;
  run(statement, query, keeps_tree, context, parameters, environment, destination, completion);
  if (is_prepared_commit && shared_state() != nullptr)
    wake_running_worker(*shared_state(), wake_for_everything);
}

}  // namespace

void notice_prepared_commits() {
  previous_utility_hook = ProcessUtility_hook;
  ProcessUtility_hook = run_utility;
}

WakeReasons wake_for_queue(std::string_view provider_id) {
  constexpr std::uint32_t bits = 31;
  const auto hash = hash_bytes(reinterpret_cast<const unsigned char*>(provider_id.data()),
                               static_cast<int>(provider_id.size()));
  return (wake_for_rest << 1U) << hash % bits;
}

void wake_worker_at_commit(WakeReasons reasons) {
  if (!callbacks_are_registered) {
    pg_call([] {
      RegisterXactCallback(on_transaction_end, nullptr);
      RegisterResourceReleaseCallback(on_resource_release, nullptr);
    });
    callbacks_are_registered = true;
  }
  wanted |= reasons;
}

bool wake_is_pending() { return wanted != 0; }

bool workers_are_possible() { return shared_state() != nullptr && !RecoveryInProgress(); }

bool worker_is_running() {
  SharedState* state = shared_state();
  if (state == nullptr) return false;
  SharedStateLock lock(LW_SHARED);
  const ServedDatabase* entry = find_entry(*state, MyDatabaseId);
  return entry != nullptr && entry->state == WorkerState::running;
}

}  // namespace cmms::pg
