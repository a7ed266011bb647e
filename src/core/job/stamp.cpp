// Parsing and writing time stamps.
#include "core/job/stamp.hpp"

#include <cstdio>

#include "core/exchange/ascii.hpp"
#include "core/mapping/iso_time.hpp"

namespace cmms::job {
namespace {

// Larger numbers count milliseconds: as seconds this would be the year 5138.
constexpr std::int64_t first_milliseconds = 100'000'000'000;

constexpr std::string_view odata_opening = "/Date(";
constexpr std::string_view odata_closing = ")/";

// "/Date(1764547200000+0000)/": milliseconds in UTC; what follows them says where it was written and moves
// nothing.
std::optional<Micros> parse_odata_stamp(std::string_view text) {
  text = text.substr(0, text.find_first_of("+-)", odata_opening.size()));
  const auto milliseconds = ascii::parse_digits(text.substr(odata_opening.size()));
  if (!milliseconds || *milliseconds >= first_milliseconds * 100'000) return std::nullopt;
  return Micros(std::chrono::milliseconds(*milliseconds));
}

}  // namespace

std::optional<Micros> parse_stamp(std::string_view text) {
  text = ascii::trim(text);
  if (text.starts_with(odata_opening) && text.ends_with(odata_closing)) return parse_odata_stamp(text);
  if (const auto number = ascii::parse_digits(text)) {
    if (*number >= first_milliseconds * 100'000) return std::nullopt;
    if (*number >= first_milliseconds) return Micros(std::chrono::milliseconds(*number));
    return Micros(std::chrono::seconds(*number));
  }
  const std::optional<mapping::IsoTime> time = mapping::parse_iso_time(text);
  if (!time || time->is_null_sentinel()) return std::nullopt;
  return Micros(std::chrono::sys_days(time->date)) + time->time_of_day - time->offset;
}

std::string format_stamp(Micros stamp, std::string_view like) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(stamp);
  if (const auto number = ascii::parse_digits(ascii::trim(like))) {
    const std::int64_t count = seconds.time_since_epoch().count();
    return std::to_string(*number >= first_milliseconds ? count * 1000 : count);
  }
  const auto day = std::chrono::floor<std::chrono::days>(seconds);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(seconds - day);
  char text[48];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                static_cast<int>(time.seconds().count()));
  return text;
}

std::string stamp_in_query(const std::string& text) {
  if (!text.starts_with(odata_opening)) return text;
  const std::optional<Micros> stamp = parse_stamp(text);
  return stamp ? format_stamp(*stamp, {}) : text;
}

}  // namespace cmms::job
