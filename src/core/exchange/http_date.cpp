#include "core/exchange/http_date.hpp"

#include <algorithm>
#include <array>

#include "core/exchange/ascii.hpp"

namespace cmms {
namespace {

constexpr std::array<std::string_view, 12> month_names{"jan", "feb", "mar", "apr", "may", "jun",
                                                       "jul", "aug", "sep", "oct", "nov", "dec"};

// Reads the date piece by piece; after the first mismatch every further step does nothing and ok() is false.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  bool ok() const { return ok_; }
  bool at_end() const { return rest_.empty(); }

  void literal(std::string_view expected) {
    const bool matches = ascii::equal_ignore_case(rest_.substr(0, expected.size()), expected);
    advance(matches, expected.size());
  }

  void weekday() {
    const auto letter = [](char character) {
      return ascii::to_lower(character) >= 'a' && ascii::to_lower(character) <= 'z';
    };
    const auto end = std::find_if_not(rest_.begin(), rest_.end(), letter);
    const auto length = static_cast<std::size_t>(end - rest_.begin());
    advance(length >= 3, length);
  }

  bool skip(char character) {
    if (rest_.empty() || rest_.front() != character) return false;
    rest_.remove_prefix(1);
    return true;
  }

  int digits(std::size_t count) {
    const auto value = ascii::parse_digits(rest_.substr(0, count));
    const bool matches = value.has_value() && rest_.size() >= count;
    advance(matches, count);
    return matches ? static_cast<int>(*value) : 0;
  }

  unsigned month() {
    const auto found = std::find_if(month_names.begin(), month_names.end(), [this](std::string_view name) {
      return ascii::equal_ignore_case(rest_.substr(0, 3), name);
    });
    advance(found != month_names.end(), 3);
    return static_cast<unsigned>(found - month_names.begin()) + 1;
  }

 private:
  void advance(bool matches, std::size_t length) {
    ok_ = ok_ && matches;
    rest_.remove_prefix(ok_ ? std::min(length, rest_.size()) : 0);
  }

  std::string_view rest_;
  bool ok_ = true;
};

struct Parts {
  int year = 0;
  unsigned month = 0;
  int day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
};

void scan_time(Scanner& scanner, Parts& parts) {
  parts.hour = scanner.digits(2);
  scanner.literal(":");
  parts.minute = scanner.digits(2);
  scanner.literal(":");
  parts.second = scanner.digits(2);
}

// "06 Nov 1994 08:49:37 GMT" or "06-Nov-94 08:49:37 GMT", behind the weekday and the comma.
void scan_day_first(Scanner& scanner, Parts& parts) {
  parts.day = scanner.digits(2);
  const bool obsolete = scanner.skip('-');
  if (!obsolete) scanner.literal(" ");
  parts.month = scanner.month();
  scanner.literal(obsolete ? "-" : " ");
  parts.year = scanner.digits(obsolete ? 2 : 4);
  if (obsolete) parts.year += parts.year < 70 ? 2000 : 1900;
  scanner.literal(" ");
  scan_time(scanner, parts);
  scanner.literal(" GMT");
}

// "Nov  6 08:49:37 1994", behind the weekday and the blank.
void scan_month_first(Scanner& scanner, Parts& parts) {
  parts.month = scanner.month();
  scanner.literal(" ");
  parts.day = scanner.skip(' ') ? scanner.digits(1) : scanner.digits(2);
  scanner.literal(" ");
  scan_time(scanner, parts);
  scanner.literal(" ");
  parts.year = scanner.digits(4);
}

}  // namespace

std::optional<std::chrono::sys_seconds> parse_http_date(std::string_view text) {
  Scanner scanner(ascii::trim(text));
  Parts parts;
  scanner.weekday();
  if (scanner.skip(',')) {
    scanner.literal(" ");
    scan_day_first(scanner, parts);
  } else {
    scanner.literal(" ");
    scan_month_first(scanner, parts);
  }
  if (!scanner.ok() || !scanner.at_end()) return std::nullopt;

  const std::chrono::year_month_day date{std::chrono::year(parts.year), std::chrono::month(parts.month),
                                         std::chrono::day(static_cast<unsigned>(parts.day))};
  // 60 is a leap second.
  if (!date.ok() || parts.hour > 23 || parts.minute > 59 || parts.second > 60) return std::nullopt;
  return std::chrono::sys_days(date) + std::chrono::hours(parts.hour) + std::chrono::minutes(parts.minute) +
         std::chrono::seconds(parts.second);
}

std::optional<std::chrono::seconds> parse_retry_after(std::string_view text, SystemTime now) {
  const auto trimmed = ascii::trim(text);
  if (!trimmed.empty() && std::all_of(trimmed.begin(), trimmed.end(), ascii::is_digit)) {
    // More digits than fit are a very long time, not nonsense.
    const auto seconds = ascii::parse_digits(trimmed).value_or(retry_after_max.count());
    return std::clamp(std::chrono::seconds(seconds), retry_after_min, retry_after_max);
  }
  const auto date = parse_http_date(trimmed);
  if (!date) return std::nullopt;
  // In seconds: the year 9999 does not fit into the clock's nanoseconds.
  return std::clamp(*date - std::chrono::floor<std::chrono::seconds>(now), retry_after_min, retry_after_max);
}

}  // namespace cmms
