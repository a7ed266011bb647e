// The time stamps by which a poll finds its way: compared by value, sent in the provider's own words.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace cmms::job {

using Micros = std::chrono::sys_time<std::chrono::microseconds>;

// ISO 8601, or a number of seconds or milliseconds since 1970.
std::optional<Micros> parse_stamp(std::string_view text);
// In whole seconds, rounded down: "2025-07-17T12:00:00Z", or a number like `like`.
std::string format_stamp(Micros stamp, std::string_view like);

}  // namespace cmms::job
