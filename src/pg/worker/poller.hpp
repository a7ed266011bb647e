// Polls: started when due or asked for, applied page by page together with their cursor.
#pragma once

#include "pg/prelude.hpp"

#include <optional>
#include <vector>

#include "pg/store/poll_cursor.hpp"
#include "pg/worker/dispatcher.hpp"
#include "pg/worker/provider_table.hpp"
#include "pg/worker/session.hpp"

namespace cmms::pg {

class Poller {
 public:
  Poller(Session& session, ProviderTable& providers, Dispatcher& dispatcher)
      : session_(session), providers_(providers), dispatcher_(dispatcher) {}

  void check_soon() { check_at_ = {}; }  // somebody may have asked for a poll
  bool is_due(SystemTime now) const { return now >= check_at_; }
  void start_due(SystemTime now);

  // Pages that jobs have read. What could not be applied because of somebody's lock waits here.
  void add_pages(std::vector<TaskPointer> pages);
  void apply_pages(SystemTime now);

  // When there is something to do at the latest.
  SystemTime due_at() const;

 private:
  void start(const store::DuePoll& poll, SystemTime now);
  bool apply(Task& task, SystemTime now);
  std::optional<CapturedError> apply_together(Task& task);
  std::optional<CapturedError> apply_one_by_one(Task& task);
  void fail(TaskPointer task);

  Session& session_;
  ProviderTable& providers_;
  Dispatcher& dispatcher_;
  SystemTime check_at_{};
  std::vector<TaskPointer> pages_;
};

}  // namespace cmms::pg
