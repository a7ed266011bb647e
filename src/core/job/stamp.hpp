// The time stamps by which a poll finds its way: compared by value, sent in the provider's own words.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace cmms::job {

using Micros = std::chrono::sys_time<std::chrono::microseconds>;

// ISO 8601, a number of seconds or milliseconds since 1970, or the JSON form of OData 2,
// "/Date(1764547200000+0000)/".
std::optional<Micros> parse_stamp(std::string_view text);
// In whole seconds, rounded down: "2025-07-17T12:00:00Z", or a number like `like`. OData's JSON
// form is for answers only.
std::string format_stamp(Micros stamp, std::string_view like);

// A provider's stamp as its queries say it: as it is, but OData's JSON form as ISO 8601.
std::string stamp_in_query(const std::string& text);

}  // namespace cmms::job
