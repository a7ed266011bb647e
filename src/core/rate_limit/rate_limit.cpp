#include "core/rate_limit/rate_limit.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "core/exchange/ascii.hpp"

namespace cmms::rate_limit {
namespace {

using std::chrono::duration_cast;
using std::chrono::seconds;

constexpr seconds longest_window{24 * 3600};
// A reset given as "in n seconds" moves by the rounding from answer to answer and is still the same window.
constexpr seconds same_window{2};
// A provider that says that nothing is left, but not until when, is asked again at this pace.
constexpr seconds blind_window{1};

constexpr std::chrono::duration<double> moment{0.1};

constexpr std::array<std::pair<std::string_view, ResetFormat>, 4> reset_formats{{
    {"unix_seconds", ResetFormat::unix_seconds},
    {"unix_milliseconds", ResetFormat::unix_milliseconds},
    {"seconds", ResetFormat::seconds},
    {"http_date", ResetFormat::http_date},
}};

// Quota headers may be lists with parameters ("100, 100;w=60"); the first number is the one in force.
std::optional<std::int64_t> leading_number(std::string_view text) {
  text = ascii::trim(text);
  const auto end = std::find_if_not(text.begin(), text.end(), ascii::is_digit);
  return ascii::parse_digits(text.substr(0, static_cast<std::size_t>(end - text.begin())));
}

std::optional<std::int64_t> header_number(const Response& response, const std::string& name) {
  if (name.empty()) return std::nullopt;
  const auto text = response.header(name);
  return text ? leading_number(*text) : std::nullopt;
}

// Milliseconds throughout: a header may name the year 9999, which does not fit into the clock's nanoseconds.
using Milliseconds = std::chrono::milliseconds;
using TimeInMilliseconds = std::chrono::sys_time<Milliseconds>;

std::optional<TimeInMilliseconds> absolute_reset(std::string_view text, ResetFormat format) {
  if (format == ResetFormat::http_date) return parse_http_date(text);
  const auto number = leading_number(text);
  constexpr std::int64_t last_second = 253'402'300'799;  // of the year 9999; beyond it is another unit
  const std::int64_t per_second = format == ResetFormat::unix_milliseconds ? 1000 : 1;
  if (!number || *number / per_second > last_second) return std::nullopt;
  return TimeInMilliseconds(Milliseconds(*number * (1000 / per_second)));
}

std::optional<SystemTime> read_reset(const Response& response, const LimitHeaders& headers, SystemTime now) {
  if (headers.reset.empty()) return std::nullopt;
  const auto text = response.header(headers.reset);
  if (!text) return std::nullopt;
  const auto bounded = [now](Milliseconds wait) {
    return now + std::clamp<Milliseconds>(wait, Milliseconds(0), longest_window);
  };
  if (headers.reset_format == ResetFormat::seconds) {
    const auto number = leading_number(*text);
    if (!number) return std::nullopt;
    return bounded(seconds(std::min(*number, longest_window.count())));
  }
  const auto reset = absolute_reset(*text, headers.reset_format);
  if (!reset) return std::nullopt;
  const auto date = response.header("date");
  const auto provider_now = date ? parse_http_date(*date) : std::nullopt;
  return bounded(*reset -
                 (provider_now ? TimeInMilliseconds(*provider_now) : std::chrono::floor<Milliseconds>(now)));
}

}  // namespace

std::optional<ResetFormat> parse_reset_format(std::string_view name) {
  for (const auto& [known, format] : reset_formats) {
    if (known == name) return format;
  }
  return std::nullopt;
}

Observation read_limits(const Response& response, const LimitHeaders& headers, SystemTime now) {
  return {header_number(response, headers.limit), header_number(response, headers.remaining),
          read_reset(response, headers, now)};
}

void RateLimit::observe(const Observation& observation, SystemTime now) {
  ++changes_;
  if (observation.limit) limit_ = observation.limit;
  if (!observation.remaining) return;
  const auto reset_at = observation.reset_at.value_or(now + blind_window);
  const bool window_known = remaining_ && reset_at_ && *reset_at_ > now;
  if (window_known && observation.reset_at && reset_at <= *reset_at_ + same_window) {
    // Answers overtake each other, and requests under way are not in the provider's count yet: the lower is
    // right.
    remaining_ = std::min(*remaining_, *observation.remaining);
    return;
  }
  remaining_ = observation.remaining;
  reset_at_ = reset_at;
}

void RateLimit::pause_until(SystemTime until) {
  ++changes_;
  if (!paused_until_ || until > *paused_until_) paused_until_ = until;
}

void RateLimit::resume() {
  ++changes_;
  paused_until_.reset();
}

double RateLimit::tokens_at(SystemTime now) const {
  if (refilled_at_ == SystemTime{}) return std::max(policy_.burst, 1.0);
  const double elapsed = std::max(0.0, std::chrono::duration<double>(now - refilled_at_).count());
  return std::min(std::max(policy_.burst, 1.0), tokens_ + elapsed * policy_.requests_per_second);
}

Hold RateLimit::hold(SystemTime now) const {
  Hold hold{Hold::Reason::none, now};
  const auto consider = [&hold](Hold::Reason reason, SystemTime until) {
    if (until > hold.until) hold = {reason, until};
  };
  if (paused_until_) consider(Hold::Reason::retry_after, *paused_until_);
  if (remaining_ && *remaining_ <= 0 && reset_at_) consider(Hold::Reason::quota, *reset_at_);
  if (policy_.requests_per_second > 0) {
    const double missing = 1 - tokens_at(now);
    // A millisecond on top: the refill must not stop a rounding error short of a whole token.
    if (missing > 0) {
      const std::chrono::duration<double> wait(missing / policy_.requests_per_second);
      consider(Hold::Reason::configured_rate,
               now + duration_cast<SystemTime::duration>(wait) + std::chrono::milliseconds(1));
    }
  }
  return hold;
}

SystemTime RateLimit::next_allowed(SystemTime now) const { return hold(now).until; }

std::int64_t RateLimit::room(SystemTime now) const {
  std::int64_t room = std::numeric_limits<std::int64_t>::max();
  if (remaining_ && *remaining_ > 0) room = *remaining_;
  if (policy_.requests_per_second > 0) {
    const double tokens = tokens_at(now) + policy_.requests_per_second * moment.count();
    room = std::min(room, static_cast<std::int64_t>(std::max(tokens, 1.0)));
  }
  return room;
}

void RateLimit::set_policy(Policy policy, SystemTime now) {
  if (policy == policy_) return;
  const bool had_rate = policy_.requests_per_second > 0;
  const double tokens = tokens_at(now);
  policy_ = policy;
  tokens_ = had_rate ? std::min(tokens, std::max(policy.burst, 1.0)) : std::max(policy.burst, 1.0);
  refilled_at_ = now;
}

void RateLimit::take(SystemTime now) {
  if (policy_.requests_per_second > 0) {
    tokens_ = tokens_at(now) - 1;
    refilled_at_ = now;
  }
  if (!remaining_) return;
  if (reset_at_ && *reset_at_ <= now) {
    // The window is over; the next answer says what the new one holds.
    remaining_.reset();
    reset_at_.reset();
    return;
  }
  *remaining_ -= 1;
}

}  // namespace cmms::rate_limit
