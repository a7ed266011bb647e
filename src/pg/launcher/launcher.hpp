// The launcher: finds the databases that have pg_cmms and keeps one sync worker running in each of them.
#pragma once

#include "pg/prelude.hpp"

#include <map>
#include <vector>

#include "pg/worker/shared_state.hpp"

namespace cmms::pg {

// A database is probed by starting its sync worker, which ends at once where pg_cmms is not installed. Only
// one is started at a time, so that a cluster with many databases does not run out of worker slots.
class Launcher {
 public:
  [[noreturn]] void run();

 private:
  // What the launcher remembers of a database.
  struct Candidate {
    TimestampTz next_start_at = 0;
    TimestampTz started_at = 0;
    int failures = 0;                          // in a row
    BackgroundWorkerHandle* handle = nullptr;  // null for a worker that an earlier launcher started
  };

  void refresh_databases(TimestampTz now);
  void take_requests(TimestampTz now);
  void reap(TimestampTz now);
  bool has_stopped(const ServedDatabase& entry, TimestampTz now);
  void note_exit(const ServedDatabase& entry, bool was_woken, TimestampTz now);
  void start_next(TimestampTz now);
  bool may_start(TimestampTz now) const;
  bool is_served(Oid database) const;
  bool start(Oid database, Candidate& candidate, TimestampTz now);
  bool reserve_entry(Oid database, WorkerTicket& ticket);
  void report_shortage(const char* message, const char* hint);
  long wait_milliseconds(TimestampTz now) const;

  std::map<Oid, Candidate> candidates_;
  TimestampTz next_refresh_at_ = 0;
  TimestampTz no_start_before_ = 0;  // while worker slots are short
  bool shortage_is_reported_ = false;
};

void start_launcher();  // in its own process, before run()

}  // namespace cmms::pg
