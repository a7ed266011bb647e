#include "pg/worker/shared_state.hpp"

#include <cstddef>

#include "pg/boundary/guard.hpp"
#include "pg/boundary/versions.hpp"
#include "pg/guc/guc.hpp"

namespace cmms::pg {
namespace {

constexpr const char* shared_memory_name = "pg_cmms";

shmem_startup_hook_type previous_startup_hook = nullptr;
RequestHook previous_request_hook = nullptr;

SharedState* state = nullptr;
LWLock* state_lock = nullptr;

Size shared_memory_size() {
  return add_size(offsetof(SharedState, entries),
                  mul_size(static_cast<Size>(guc::max_workers()), sizeof(ServedDatabase)));
}

void request_shared_memory() {
  if (previous_request_hook != nullptr) previous_request_hook();
  RequestAddinShmemSpace(shared_memory_size());
  RequestNamedLWLockTranche(shared_memory_name, 1);
}

// Runs in the postmaster, again after each crash, and nowhere else: a backend inherits the two pointers.
void start_shared_memory() {
  if (previous_startup_hook != nullptr) previous_startup_hook();
  Place place{};
  enter([&] { place = find_place(); });
  LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
  bool found = false;
  state = static_cast<SharedState*>(ShmemInitStruct(shared_memory_name, shared_memory_size(), &found));
  state_lock = &GetNamedLWLockTranche(shared_memory_name)->lock;
  if (!found) {
    state->place = place;
    state->launcher_process_number = -1;
    state->probe_all = false;
    state->request_count = 0;
    state->last_ticket = 0;
    state->entry_count = guc::max_workers();
    for (int i = 0; i < state->entry_count; ++i) {
      state->entries[i] = ServedDatabase{};
      pg_atomic_init_u32(&state->entries[i].wakes, 0);
    }
  }
  LWLockRelease(AddinShmemInitLock);
}

}  // namespace

SharedState* shared_state() { return state; }
LWLock* shared_state_lock() { return state_lock; }

void register_shared_memory() {
  previous_startup_hook = shmem_startup_hook;
  shmem_startup_hook = start_shared_memory;
  previous_request_hook = hook_shared_memory_request(request_shared_memory);
}

int own_process_number() { return static_cast<int>(MyProc - ProcGlobal->allProcs); }

void wake_process(int process_number) {
  if (process_number >= 0) SetLatch(&ProcGlobal->allProcs[process_number].procLatch);
}

SharedStateLock::SharedStateLock(LWLockMode mode) { LWLockAcquire(state_lock, mode); }
SharedStateLock::~SharedStateLock() { LWLockRelease(state_lock); }

}  // namespace cmms::pg
