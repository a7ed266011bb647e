// The sync worker of one database: one loop, three steps that are never merged.
//   claim     due rows become tasks; the attempt is committed before anything leaves
//   transfer  requests are under way; no transaction is open
//   record    results and pages are written down
#pragma once

#include "pg/prelude.hpp"

#include <cstdint>
#include <optional>
#include <vector>

#include "core/retry/retry.hpp"
#include "pg/worker/claimer.hpp"
#include "pg/worker/dispatcher.hpp"
#include "pg/worker/poller.hpp"
#include "pg/worker/provider_table.hpp"
#include "pg/worker/reader.hpp"
#include "pg/worker/recorder.hpp"
#include "pg/worker/session.hpp"
#include "pg/worker/upkeep.hpp"
#include "pg/worker/wait_set.hpp"

namespace cmms::pg {

class SyncWorker {
 public:
  explicit SyncWorker(Session& session);

  void run();  // returns when the session has to leave

 private:
  void configure();
  void recover(SystemTime now);
  void turn(SystemTime now);
  void transfer(SystemTime now);
  void collect(SystemTime now);
  void give_back();
  void housekeeping(SystemTime now);
  bool is_quiet(SystemTime now) const;
  bool was_set_back() const;  // the clock, since that was last taken into account
  void pull_in_due_times();
  bool keep_up_statistics();
  void wait(SystemTime now);
  void listen();
  std::chrono::milliseconds wait_time(SystemTime now) const;

  Session& session_;
  int max_connections_;  // as many as file descriptors could be reserved for
  retry::Random random_;
  Dispatcher dispatcher_;
  ProviderTable providers_;
  Recorder recorder_;
  Claimer claimer_;
  Poller poller_;
  Reader reader_;
  Upkeep upkeep_;
  WaitSet wait_set_;

  // By the worker before this one; none: not known yet.
  std::optional<std::vector<store::AbandonedRow>> abandoned_;
  bool is_recovered_ = false;
  SystemTime recover_at_{};
  SystemTime healthy_at_{};
  bool was_woken_ = false;
  SystemTime check_at_{};
  SystemTime::duration setback_{};  // of the clock, so far taken into account
  SystemTime make_way_check_at_{};
  bool statistics_are_pending_ = false;
};

}  // namespace cmms::pg
