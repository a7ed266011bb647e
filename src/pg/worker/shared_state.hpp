// What the processes of pg_cmms know of each other: which databases have a sync worker, how to wake it, and
// which databases ask for one. Lives in shared memory, so it holds numbers only: no pointers, no descriptors.
#pragma once

#include "pg/prelude.hpp"

#include <cstdint>

#include "pg/launcher/place.hpp"

namespace cmms::pg {

enum class WorkerState : std::uint8_t { unused, starting, running, exited };

// Why a sync worker ended; tells the launcher when to try again.
enum class ExitReason : std::uint8_t {
  failed,        // an error, a signal, a database that is gone
  no_extension,  // pg_cmms is not, or no longer, installed in the database
  reinstalled,   // it was updated, or dropped and created again: start afresh
  making_way,    // DROP DATABASE or CREATE DATABASE .. TEMPLATE wants the database to itself
};

// One sync worker. The launcher makes the entry, the worker fills it in and the launcher clears it again.
struct ServedDatabase {
  Oid database = InvalidOid;
  WorkerState state = WorkerState::unused;
  ExitReason exit_reason = ExitReason::failed;
  bool healthy = false;      // it has completed a turn with the extension in place
  std::uint32_t ticket = 0;  // tells the worker that was meant from one that starts too late
  int process_number = -1;   // of its PGPROC, whose latch wakes it
  pg_atomic_uint32 wakes;    // WakeReasons of commits that want its attention
};

// The launcher hands this to a worker through bgw_extra.
struct WorkerTicket {
  Oid database = InvalidOid;
  int entry = -1;
  std::uint32_t ticket = 0;
};

inline constexpr int max_launch_requests = 64;

struct SharedState {
  Place place;
  int launcher_process_number;
  bool probe_all;  // more databases asked than there was room to note
  int request_count;
  Oid requests[max_launch_requests];
  std::uint32_t last_ticket;
  int entry_count;
  ServedDatabase entries[FLEXIBLE_ARRAY_MEMBER];
};

// Null unless the library was loaded through shared_preload_libraries.
SharedState* shared_state();
LWLock* shared_state_lock();

// Called while shared_preload_libraries is processed, after the settings are defined.
void register_shared_memory();

int own_process_number();
void wake_process(int process_number);  // nothing happens when the process is gone

// Held for a few instructions; releases the lock also when the scope ends early.
class SharedStateLock {
 public:
  explicit SharedStateLock(LWLockMode mode);
  ~SharedStateLock();
  SharedStateLock(const SharedStateLock&) = delete;
  SharedStateLock& operator=(const SharedStateLock&) = delete;
  SharedStateLock(SharedStateLock&&) = delete;
  SharedStateLock& operator=(SharedStateLock&&) = delete;
};

}  // namespace cmms::pg
