// Dates and times as providers write them: ISO 8601's extended format and RFC 3339, checked against the
// calendar.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cmms::mapping {

using UtcTime = std::chrono::sys_time<std::chrono::microseconds>;
using LocalTime = std::chrono::local_time<std::chrono::microseconds>;  // of a clock on the wall

struct IsoTime {
  std::chrono::year_month_day date;          // as written
  std::chrono::microseconds time_of_day{0};  // as written; fractions beyond microseconds are cut
  std::chrono::minutes offset{0};            // from UTC; 0 when the text has none

  // .NET and SAP write "no date" as the first day of the year 1.
  bool is_null_sentinel() const;
  std::string date_text() const;  // "2025-07-17", the day as written
  UtcTime utc() const;
};

// "2025-07-17T12:00:00Z"; nullopt outside the years 1 to 9999.
std::optional<std::string> utc_text(UtcTime time);
// Midnight at the start of the year 1: "no date" as an instant.
UtcTime null_sentinel();

// "2025-07-17", "2025-07-17T12:00Z", "2025-07-17 12:00:00.123456789+02:00"; `T` or one blank; offset Z, +hh,
// +hhmm, +hh:mm.
std::optional<IsoTime> parse_iso_time(std::string_view text);

}  // namespace cmms::mapping
