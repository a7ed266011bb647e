// The circuit breaker of one provider: after a failure that concerns the provider as a whole it is left alone
// for a while, then tried with a single request. Plain C++, without PostgreSQL.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/exchange/http_date.hpp"
#include "core/retry/retry.hpp"

namespace cmms::pg {

class Circuit {
 public:
  enum class State : std::uint8_t { closed, open, half_open };

  State state() const { return state_; }
  const char* state_name() const;  // as in cmms.provider_state
  int failures() const { return failures_; }
  SystemTime retry_at() const { return retry_at_; }  // while open

  // How many of `slots` may be used now: all, none, or one for the trial.
  int allowed(int slots, SystemTime now) const;
  // When work may be claimed again; nothing while it may be now, or while a trial is under way.
  std::optional<SystemTime> opens_at(SystemTime now) const;

  void on_sent(SystemTime now);  // the first request after the pause is the trial
  // `sent_at`: what was sent before the circuit opened says nothing about the provider's health since.
  void on_success(SystemTime sent_at);
  // `is_certain`: the provider said so (401, 429, Retry-After). A lost connection may concern one request
  // only, so it takes a few of them in a row to open the circuit. Those of a record (its id in `record`,
  // empty where it cannot be the reason) that fails again and again while nothing succeeds count once.
  void on_failure(SystemTime sent_at, SystemTime now, bool is_certain, std::string_view record,
                  std::optional<std::chrono::seconds> retry_after, const retry::Policy& policy,
                  retry::Random& random);
  void on_trial_without_answer();                   // the trial never left
  void try_now();                                   // the configuration has changed: worth a trial at once
  void restore(int failures, SystemTime retry_at);  // as an earlier worker left it

 private:
  State state_ = State::closed;
  int failures_ = 0;                         // in a row
  std::vector<std::string> failed_records_;  // of these
  int openings_ = 0;                         // in a row, each pausing for longer
  SystemTime opened_at_{};
  SystemTime retry_at_{};
};

}  // namespace cmms::pg
