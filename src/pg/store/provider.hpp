// cmms.provider and cmms.provider_state: which providers are in use, and how they fare.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace cmms::pg::store {

struct ProviderRow {
  std::string provider_id;
  std::string tenant_id;
  std::string mode;
  double poll_seconds = 60;
  std::optional<std::string> import_since;
  std::string activated_at;
  // As an earlier worker left it.
  std::string circuit;
  int consecutive_failures = 0;
  double seconds_to_next_attempt = 0;
  std::optional<std::int64_t> rate_limit_limit;
  std::optional<std::int64_t> rate_limit_remaining;
  double seconds_to_reset = 0;
  bool was_asked_to_pause = false;  // that is what next_attempt_at is about
};

// Whether this database may send at all: a restored or copied one may not.
bool is_armed();

std::vector<ProviderRow> active_providers();

struct ProviderStateRow {
  std::string provider_id;
  std::string circuit;
  int consecutive_failures = 0;
  std::optional<std::string> next_attempt_at;
  std::optional<std::string> waiting_for;
  std::optional<std::int64_t> rate_limit_limit;
  std::optional<std::int64_t> rate_limit_remaining;
  std::optional<std::string> rate_limit_reset_at;
  std::optional<std::string> last_success_at;
  std::optional<std::string> last_error;
  std::optional<std::string> last_error_class;
  std::optional<std::string> last_error_at;
};

// What is not set keeps its value, next_attempt_at and waiting_for excepted. Rows that somebody else has
// locked are left for later; returns the ids of those that were written.
std::vector<std::string> save_provider_states(const std::vector<ProviderStateRow>& rows);

}  // namespace cmms::pg::store
