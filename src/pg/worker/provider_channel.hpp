// One active provider as the sync worker sees it: its connection, how much may be sent to it now, and how it
// fares.
#pragma once

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/exchange/http_date.hpp"
#include "core/provider/connection.hpp"
#include "core/rate_limit/account.hpp"
#include "core/rate_limit/rate_limit.hpp"
#include "pg/store/outbox.hpp"
#include "pg/worker/circuit.hpp"

namespace cmms::pg {

// The queue of one resource of a provider.
struct Lane {
  std::size_t bulk_items = 0;  // rows that leave in one request; 0: each row has a request of its own
  // Such requests that have no answer yet. What comes meanwhile is collected for the next: one change leaves
  // at once, a burst of them in few requests.
  int bulk_requests = 0;
  bool may_have_more = true;  // rows may be due that no claim has seen
  // Claims start after this place; rows that arrive before it are found by the full scan that a short claim
  // or the clock causes. Without it each claim would step over the dead index entries of all that was claimed
  // before.
  std::optional<store::QueuePlace> claimed_up_to;
  SystemTime full_scan_at{};
};

struct ProviderChannel {
  static constexpr std::chrono::duration<double> shortest_answer_time{0.000'01};
  static constexpr double most_tasks_per_slot = 16;
  static constexpr int answers_to_overtake = 4;  // for each slot
  static constexpr int overtaken_per_slot = 3;   // at most

  std::string provider_id;
  std::string tenant_id;
  bool is_active = true;  // false: switched off or paused while tasks of it were under way
  bool may_push = false;  // the mode allows it
  double poll_seconds = 60;
  std::string activated_at;
  std::optional<std::string> import_since;

  // Null while the configuration or a credential is wrong; `trouble` says why.
  std::shared_ptr<const provider::Connection> connection;
  std::string trouble;

  // That of the account: other servers may have the same.
  std::optional<rate_limit::AccountKey> account;
  std::shared_ptr<rate_limit::RateLimit> rate_limit = std::make_shared<rate_limit::RateLimit>();
  Circuit circuit;

  std::map<std::string, Lane, std::less<>> lanes;  // by resource

  int tasks = 0;                                 // under way in any way
  int reads = 0;                                 // of these, reads of single records
  int sending = 0;                               // of these, with a request at the provider
  int overtaken = 0;                             // of these, such that no longer take a slot; see below
  std::uint64_t answers = 0;                     // so far
  std::chrono::duration<double> answer_time{1};  // of late, a moving average
  bool poll_is_running = false;
  int poll_failures = 0;
  SystemTime poll_not_before{};

  // Why nothing leaves, as in cmms.provider_state; empty: it may. The time is when it may again, if known.
  struct Waiting {
    std::string_view reason;
    std::optional<SystemTime> until;
  };
  Waiting waiting(SystemTime now) const;

  bool state_is_dirty = false;   // cmms.provider_state lags behind
  bool state_is_urgent = false;  // ... in what matters to a person
  std::optional<SystemTime> last_success_at;
  SystemTime state_saved_at{};
  std::uint64_t saved_limit_changes = 0;  // of the rate limit, as saved
  Waiting saved_waiting;
  std::string last_error;
  std::string last_error_class;
  std::optional<SystemTime> last_error_at;

  void look_again() {
    for (auto& [resource, lane] : lanes) lane.may_have_more = true;
  }
  bool has_idle_lane() const {
    return std::any_of(lanes.begin(), lanes.end(),
                       [](const auto& lane) { return !lane.second.may_have_more; });
  }
  bool may_have_more() const {
    return std::any_of(lanes.begin(), lanes.end(),
                       [](const auto& lane) { return lane.second.may_have_more; });
  }

  // Requests at a time.
  int slots() const { return connection ? connection->max_concurrency() : 0; }

  // A provider that answers all but a few requests must not lose a slot to each of these until its time-out:
  // what many later answers have overtaken takes none. Where nothing is answered, nothing is overtaken.
  bool is_overtaken(std::uint64_t answers_when_sent) const {
    return answers - answers_when_sent >= static_cast<std::uint64_t>(answers_to_overtake * slots()) &&
           overtaken < overtaken_per_slot * slots();
  }
  int taken_slots() const { return sending - overtaken; }

  // Tasks that are worth having at hand: besides those that can be sent, as many as are answered while the
  // worker is busy with the database. With a fast provider that is a few per slot, so that one transaction
  // serves many rows; with a slow one hardly any, so that what waits can still be changed, and little is in
  // doubt after a crash.
  int depth(std::chrono::duration<double> busy_time) const {
    const double per_slot = 1 + busy_time / std::max(answer_time, shortest_answer_time);
    return static_cast<int>(slots() * std::min(per_slot, most_tasks_per_slot));
  }

  // How many rows may be claimed now. While the circuit is not closed, one: the trial.
  int free_places(SystemTime now, std::chrono::duration<double> busy_time) const {
    if (circuit.state() == Circuit::State::closed) return std::max(depth(busy_time) - (tasks - overtaken), 0);
    return tasks == sending ? circuit.allowed(slots(), now) : 0;
  }

  void note_answer(std::chrono::duration<double> time) {
    ++answers;
    answer_time = 0.8 * answer_time + 0.2 * time;
  }

  bool sends_now(SystemTime now) const { return rate_limit->next_allowed(now) <= now; }
};

inline ProviderChannel::Waiting ProviderChannel::waiting(SystemTime now) const {
  using Reason = rate_limit::Hold::Reason;
  if (connection == nullptr) return {"configuration", std::nullopt};
  const rate_limit::Hold hold = rate_limit->hold(now);
  const bool is_open = circuit.state() == Circuit::State::open;
  if (circuit.state() == Circuit::State::half_open) return {"trial", std::nullopt};
  // A pause that the provider asked for opens the circuit for as long, and says more.
  if (is_open && circuit.retry_at() > hold.until) return {"circuit", circuit.retry_at()};
  switch (hold.reason) {
    case Reason::retry_after:
      return {"retry_after", hold.until};
    case Reason::quota:
      return {"quota", hold.until};
    case Reason::configured_rate:
      return {"configured_rate", hold.until};
    case Reason::none:
      break;
  }
  if (is_open) return {"circuit", circuit.retry_at()};
  return {};
}

}  // namespace cmms::pg
