// Strict parsing of ISO 8601 dates and times.
#include "core/mapping/iso_time.hpp"

#include <cstdint>

namespace cmms::mapping {
namespace {

namespace chrono = std::chrono;

constexpr std::size_t max_fraction_digits = 9;
constexpr int max_offset_hours = 15;  // as PostgreSQL

class Cursor {
 public:
  explicit Cursor(std::string_view text) : rest_(text) {}

  bool at_end() const { return rest_.empty(); }

  bool take(char wanted) {
    if (rest_.empty() || rest_.front() != wanted) return false;
    rest_.remove_prefix(1);
    return true;
  }

  bool take_any(std::string_view wanted) {
    if (rest_.empty() || wanted.find(rest_.front()) == std::string_view::npos) return false;
    rest_.remove_prefix(1);
    return true;
  }

  bool next_is_digit() const { return !rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9'; }

  std::optional<int> digits(std::size_t count) {
    int number = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (!next_is_digit()) return std::nullopt;
      number = number * 10 + (rest_.front() - '0');
      rest_.remove_prefix(1);
    }
    return number;
  }

 private:
  std::string_view rest_;
};

std::optional<chrono::year_month_day> parse_date(Cursor& cursor) {
  const auto year = cursor.digits(4);
  if (!year || !cursor.take('-')) return std::nullopt;
  const auto month = cursor.digits(2);
  if (!month || !cursor.take('-')) return std::nullopt;
  const auto day = cursor.digits(2);
  if (!day) return std::nullopt;
  const chrono::year_month_day date{chrono::year(*year), chrono::month(static_cast<unsigned>(*month)),
                                    chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok() || *year == 0) return std::nullopt;
  return date;
}

std::optional<int> parse_fraction(Cursor& cursor) {
  int microseconds = 0;
  std::size_t count = 0;
  for (; cursor.next_is_digit(); ++count) {
    const int digit = *cursor.digits(1);
    if (count < 6) microseconds = microseconds * 10 + digit;
  }
  if (count == 0 || count > max_fraction_digits) return std::nullopt;
  for (std::size_t i = count; i < 6; ++i) microseconds *= 10;
  return microseconds;
}

// hh:mm[:ss[.f]]; 24:00:00 ends a day and :60 is a leap second, both carry over as PostgreSQL has it.
std::optional<chrono::microseconds> parse_time_of_day(Cursor& cursor) {
  const auto hour = cursor.digits(2);
  if (!hour || !cursor.take(':')) return std::nullopt;
  const auto minute = cursor.digits(2);
  if (!minute) return std::nullopt;
  int second = 0;
  int microsecond = 0;
  if (cursor.take(':')) {
    const auto seconds = cursor.digits(2);
    if (!seconds) return std::nullopt;
    second = *seconds;
    if (cursor.take_any(".,")) {
      const auto fraction = parse_fraction(cursor);
      if (!fraction) return std::nullopt;
      microsecond = *fraction;
    }
  }
  if (*hour > 24 || *minute > 59 || second > 60) return std::nullopt;
  if (*hour == 24 && (*minute != 0 || second != 0 || microsecond != 0)) return std::nullopt;
  return chrono::hours(*hour) + chrono::minutes(*minute) + chrono::seconds(second) +
         chrono::microseconds(microsecond);
}

std::optional<chrono::minutes> parse_offset(Cursor& cursor) {
  if (cursor.at_end() || cursor.take_any("Zz")) return chrono::minutes(0);
  const bool west = cursor.take('-');
  if (!west && !cursor.take('+')) return std::nullopt;
  const auto hours = cursor.digits(2);
  if (!hours || *hours > max_offset_hours) return std::nullopt;
  int minutes = 0;
  if (!cursor.at_end()) {
    cursor.take(':');
    const auto given = cursor.digits(2);
    if (!given || *given > 59) return std::nullopt;
    minutes = *given;
  }
  const auto offset = chrono::hours(*hours) + chrono::minutes(minutes);
  return west ? -offset : offset;
}

void append_digits(std::string& text, std::int64_t number, std::size_t count) {
  text.append(count, '0');
  for (auto digit = text.rbegin(); number != 0 && count != 0; ++digit, --count, number /= 10) {
    *digit = static_cast<char>('0' + number % 10);
  }
}

void append_date(std::string& text, const chrono::year_month_day& date) {
  append_digits(text, static_cast<int>(date.year()), 4);
  append_digits(text += '-', static_cast<unsigned>(date.month()), 2);
  append_digits(text += '-', static_cast<unsigned>(date.day()), 2);
}

}  // namespace

std::optional<IsoTime> parse_iso_time(std::string_view text) {
  Cursor cursor(text);
  const auto date = parse_date(cursor);
  if (!date) return std::nullopt;
  IsoTime result{*date};
  if (cursor.at_end()) return result;
  if (!cursor.take_any("Tt ")) return std::nullopt;
  const auto time_of_day = parse_time_of_day(cursor);
  if (!time_of_day) return std::nullopt;
  const auto offset = parse_offset(cursor);
  if (!offset || !cursor.at_end()) return std::nullopt;
  result.time_of_day = *time_of_day;
  result.offset = *offset;
  return result;
}

bool IsoTime::is_null_sentinel() const {
  return date == chrono::year_month_day{chrono::year(1), chrono::month(1), chrono::day(1)};
}

std::string IsoTime::date_text() const {
  std::string text;
  append_date(text, date);
  return text;
}

UtcTime IsoTime::utc() const { return UtcTime(chrono::sys_days(date)) + time_of_day - offset; }

UtcTime null_sentinel() { return UtcTime(chrono::sys_days(chrono::year(1) / 1 / 1)); }

std::optional<std::string> utc_text(UtcTime moment) {
  const auto day = chrono::floor<chrono::days>(moment);
  const chrono::year_month_day utc_date(day);
  if (utc_date.year() < chrono::year(1) || utc_date.year() > chrono::year(9999)) return std::nullopt;

  const chrono::hh_mm_ss time(moment - day);
  std::string out;
  out.reserve(sizeof "yyyy-mm-ddThh:mm:ss.ffffffZ");
  append_date(out, utc_date);
  append_digits(out += 'T', time.hours().count(), 2);
  append_digits(out += ':', time.minutes().count(), 2);
  append_digits(out += ':', time.seconds().count(), 2);
  if (const auto microseconds = time.subseconds().count(); microseconds != 0) {
    append_digits(out += '.', microseconds, 6);
  }
  out.push_back('Z');
  return out;
}

}  // namespace cmms::mapping
