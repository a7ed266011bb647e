// Reads single records that were asked for: what a thin event named, what is read again by the clock.
#pragma once

#include "pg/prelude.hpp"

#include <vector>

#include "pg/store/read_back.hpp"
#include "pg/worker/dispatcher.hpp"
#include "pg/worker/provider_table.hpp"
#include "pg/worker/session.hpp"

namespace cmms::pg {

class Reader {
 public:
  Reader(Session& session, ProviderTable& providers, Dispatcher& dispatcher)
      : session_(session), providers_(providers), dispatcher_(dispatcher) {}

  void check_soon() { check_at_ = {}; }                // somebody may have asked for a record
  void reconfigure() { check_at_ = reread_at_ = {}; }  // providers or their options have changed
  bool is_due(SystemTime now) const { return now >= check_at_; }
  void start_due(SystemTime now);

  SystemTime due_at() const { return check_at_; }  // when there is something to do at the latest

 private:
  std::vector<store::ReadBackRequest> requests(SystemTime now) const;
  void queue_rereads(SystemTime now);
  void start(std::vector<store::ReadBackRow> rows);
  void start_together(std::vector<store::ReadBackRow> rows, SystemTime now);

  Session& session_;
  ProviderTable& providers_;
  Dispatcher& dispatcher_;
  SystemTime check_at_{};
  SystemTime reread_at_{};
  bool is_recovered_ = false;  // what the worker before this one was reading is due again
};

}  // namespace cmms::pg
