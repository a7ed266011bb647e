// Dates and delays in HTTP headers: IMF-fixdate, the two obsolete forms RFC 9110 still asks for, and
// Retry-After.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace cmms {

using SystemTime = std::chrono::system_clock::time_point;

inline constexpr std::chrono::seconds retry_after_min{1};
inline constexpr std::chrono::seconds retry_after_max{3600};

// Nothing when the text is not one of the three HTTP date forms or names a day that does not exist.
std::optional<std::chrono::sys_seconds> parse_http_date(std::string_view text);

// "120" or an HTTP date, clamped to retry_after_min..retry_after_max. A date in the past gives the minimum.
std::optional<std::chrono::seconds> parse_retry_after(std::string_view text, SystemTime now);

}  // namespace cmms
