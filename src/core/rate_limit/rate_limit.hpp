// When the next request to a provider may leave: its announced quota, an optional configured rate and
// explicit pauses.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/exchange/http_date.hpp"
#include "core/exchange/message.hpp"

namespace cmms::rate_limit {

enum class ResetFormat : std::uint8_t { unix_seconds, unix_milliseconds, seconds, http_date };

std::optional<ResetFormat> parse_reset_format(
    std::string_view name);  // the names are those of the enumerators

// The response headers that carry the quota (descriptor: "limits"). An empty name: the provider has no such
// header.
struct LimitHeaders {
  std::string limit;
  std::string remaining;
  std::string reset;
  ResetFormat reset_format = ResetFormat::unix_seconds;
};

struct Observation {
  std::optional<std::int64_t> limit;
  std::optional<std::int64_t> remaining;
  std::optional<SystemTime> reset_at;

  bool empty() const { return !limit && !remaining && !reset_at; }
};

// An absolute reset time is corrected by the Date header, so that a provider's wrong clock does not stop us
// for hours.
Observation read_limits(const Response& response, const LimitHeaders& headers, SystemTime now);

// Why no request may leave, and until when.
struct Hold {
  enum class Reason : std::uint8_t {
    none,
    retry_after,     // the provider asked for a pause
    quota,           // its announced quota is used up
    configured_rate  // the rate that is configured here is reached
  };

  Reason reason = Reason::none;
  SystemTime until{};
};

// Shared by all connections that use one account, as the provider counts their requests together.
class RateLimit {
 public:
  // A rate of our own on top of what the provider announces; 0: none.
  struct Policy {
    double requests_per_second = 0;
    double burst = 1;

    friend bool operator==(const Policy&, const Policy&) = default;
  };

  RateLimit() = default;
  explicit RateLimit(Policy policy) : policy_(policy), tokens_(policy.burst) {}

  void set_policy(Policy policy, SystemTime now);  // what was taken before counts on
  void observe(const Observation& observation, SystemTime now);
  void pause_until(SystemTime until);  // never shortens a pause
  void resume();                       // ends the pause: the circuit was closed by hand

  Hold hold(SystemTime now) const;                // of several reasons the one that lasts longest
  SystemTime next_allowed(SystemTime now) const;  // `now` when a request may leave at once
  // How many may leave now or in a moment: no more of them are worth having at hand.
  std::int64_t room(SystemTime now) const;
  void take(SystemTime now);  // a request leaves

  // What is shown in cmms.provider_state. `changes` counts what the provider has said.
  std::uint64_t changes() const { return changes_; }
  std::optional<std::int64_t> limit() const { return limit_; }
  std::optional<std::int64_t> remaining() const { return remaining_; }
  std::optional<SystemTime> reset_at() const { return reset_at_; }
  std::optional<SystemTime> paused_until() const { return paused_until_; }

 private:
  double tokens_at(SystemTime now) const;

  Policy policy_;
  double tokens_ = 0;
  SystemTime refilled_at_{};
  std::optional<std::int64_t> limit_;
  std::optional<std::int64_t> remaining_;
  std::optional<SystemTime> reset_at_;
  std::optional<SystemTime> paused_until_;
  std::uint64_t changes_ = 0;
};

}  // namespace cmms::rate_limit
