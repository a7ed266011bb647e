// The first step: due rows become tasks. The attempt is counted and committed before anything can leave.
#pragma once

#include "pg/prelude.hpp"

#include <chrono>
#include <vector>

#include "pg/worker/dispatcher.hpp"
#include "pg/worker/provider_table.hpp"
#include "pg/worker/session.hpp"
#include "pg/worker/wake.hpp"

namespace cmms::pg {

class Claimer {
 public:
  Claimer(Session& session, ProviderTable& providers, Dispatcher& dispatcher)
      : session_(session), providers_(providers), dispatcher_(dispatcher) {}

  // Rows may be due that were not when the last claim looked: a commit said so, or tick() that their time has
  // come.
  void look_again(WakeReasons queues = wake_for_everything);
  // Results were recorded: rows may wait for their next attempt now.
  void expect_rows() { schedule_is_stale_ = true; }
  void tick(SystemTime now);
  // How long the worker was busy with the database between two looks at the answers.
  void note_busy(std::chrono::duration<double> time);

  // Queues of which it matters now that rows were added: not where all places are taken, or more rows are
  // known than there are places.
  WakeReasons wanted_news(SystemTime now) const;
  bool has_work(SystemTime now) const;
  // False: the configuration changed under it, or it failed; to be tried again.
  bool claim(SystemTime now);

  // Once nothing more is due: finds out when something will be.
  bool wants_schedule() const { return schedule_is_stale_; }
  void read_schedule(SystemTime now);

  SystemTime due_at(SystemTime now) const;

 private:
  bool may_claim(const ProviderChannel& channel, const Lane& lane, SystemTime now) const;
  std::vector<store::ClaimRequest> requests(SystemTime now);
  void note_result(const std::vector<store::ClaimRequest>& requests,
                   const std::vector<store::ClaimedRow>& rows, SystemTime now);
  void start_all(std::vector<store::ClaimedRow> rows);
  void start(store::ClaimedRow row);

  Session& session_;
  ProviderTable& providers_;
  Dispatcher& dispatcher_;
  bool schedule_is_stale_ = true;
  SystemTime next_row_at_{};
  SystemTime not_before_{};                         // after a failure
  std::chrono::duration<double> busy_time_{0.005};  // of late, a moving average
  int failures_ = 0;
};

}  // namespace cmms::pg
