// What keeps the tables small and ready, once a day: the coming weeks' partitions are made, and what is older
// than the settings allow is removed. In short steps, each its own transaction, while nothing is to be sent.
#pragma once

#include "pg/prelude.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>

#include "pg/worker/clock.hpp"
#include "pg/worker/session.hpp"

namespace cmms::pg {

class Upkeep {
 public:
  Upkeep(Session& session, SystemTime now) : session_(session), begins_at_(now) {}

  // When the next step may be done. `is_quiet`: no request is under way or waits. A worker that is never
  // quiet does one now and then all the same: its tables grow the fastest.
  SystemTime due_at(bool is_quiet) const;
  void step(SystemTime now, bool is_quiet);
  void start_soon(SystemTime now);  // the settings have changed

 private:
  // A place among the rules of cmms.retention_rule: where cmms.retention_step goes on.
  struct Place {
    std::int64_t step = 0;
    std::int64_t block = 0;
  };

  bool make_partitions();
  bool remove_expired();
  void end_round(SystemTime now);

  Session& session_;
  SystemTime begins_at_;  // this round, or the next
  SystemTime next_step_at_{};
  bool is_running_ = false;
  bool is_incomplete_ = false;  // something was in use, or failed
  bool is_outdated_ = false;    // the settings changed in the middle
  std::optional<Place> place_;
};

}  // namespace cmms::pg
