// One active provider as the sync worker sees it: its connection, how much may be sent to it now, and how it
// fares.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>

#include "core/exchange/http_date.hpp"
#include "core/provider/connection.hpp"
#include "core/rate_limit/rate_limit.hpp"
#include "pg/worker/circuit.hpp"

namespace cmms::pg {

struct ProviderChannel {
  std::string provider_id;
  std::string tenant_id;
  bool is_active = true;  // false: switched off while tasks of it were under way
  bool may_push = false;  // the mode allows it
  double poll_seconds = 60;
  std::string activated_at;
  std::optional<std::string> import_since;

  // Null while the configuration or a credential is wrong; `trouble` says why.
  std::shared_ptr<const provider::Connection> connection;
  std::string trouble;

  rate_limit::RateLimit rate_limit;
  Circuit circuit;

  bool may_have_more = true;  // rows may be due that no claim has seen

  int tasks = 0;  // being sent, or waiting to be
  bool poll_is_running = false;
  bool poll_is_due = false;  // keeps one slot free
  int poll_failures = 0;
  SystemTime poll_not_before{};

  // Claims start here; rows that arrive behind it are found by the full scan that a short claim or the clock
  // causes. Without it each claim would step over the dead index entries of all that was claimed before.
  std::optional<std::string> claimed_up_to;
  SystemTime full_scan_at{};

  bool state_is_dirty = false;   // cmms.provider_state lags behind
  bool state_is_urgent = false;  // ... in what matters to a person
  std::optional<SystemTime> last_success_at;
  SystemTime state_saved_at{};
  std::string last_error;
  std::string last_error_class;
  std::optional<SystemTime> last_error_at;

  int slots() const { return connection ? connection->max_concurrency() : 0; }

  // How many more tasks may start now. A trial comes on top of what was under way before the circuit opened.
  int free_slots(SystemTime now) const {
    const int unused = slots() - tasks;
    if (circuit.state() == Circuit::State::closed) return std::max(unused, 0);
    return std::clamp(circuit.allowed(slots(), now), 0, std::max(unused, 0));
  }

  // A poll always gets a slot: pushes leave one to it while it waits for one.
  int free_push_slots(SystemTime now) const {
    return std::max(free_slots(now) - (poll_is_due && !poll_is_running ? 1 : 0), 0);
  }

  bool sends_now(SystemTime now) const { return rate_limit.next_allowed(now) <= now; }
};

}  // namespace cmms::pg
