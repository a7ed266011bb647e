// Reading and writing local times by a pattern.
#include "core/mapping/time_format.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include "core/exchange/ascii.hpp"
#include "core/json/text.hpp"

namespace cmms::mapping {
namespace {

namespace chrono = std::chrono;
using Field = TimeFormat::Field;
using Part = TimeFormat::Part;

struct Pattern {
  std::string_view text;
  Field field;
  std::size_t digits;  // 0: letters
};

// Longer ones first where one starts another.
constexpr std::array<Pattern, 16> patterns{{{"YYYY", Field::year, 4},
                                            {"YY", Field::short_year, 2},
                                            {"MONTH", Field::month_name, 0},
                                            {"MON", Field::short_month_name, 0},
                                            {"MM", Field::month, 2},
                                            {"MI", Field::minute, 2},
                                            {"MS", Field::millisecond, 3},
                                            {"DD", Field::day, 2},
                                            {"HH24", Field::hour, 2},
                                            {"HH12", Field::half_day_hour, 2},
                                            {"HH", Field::half_day_hour, 2},
                                            {"SS", Field::second, 2},
                                            {"US", Field::microsecond, 6},
                                            {"AM", Field::half_day, 0},
                                            {"PM", Field::half_day, 0},
                                            {"", Field::literal, 0}}};

constexpr std::array<std::string_view, 12> months{"January",   "February", "March",    "April",
                                                  "May",       "June",     "July",     "August",
                                                  "September", "October",  "November", "December"};

bool is_letter(char c) { return ascii::to_lower(c) >= 'a' && ascii::to_lower(c) <= 'z'; }

bool starts_with(std::string_view text, std::string_view wanted) {
  return ascii::equal_ignore_case(text.substr(0, wanted.size()), wanted);
}

const Pattern& pattern_of(Field field) {
  return *std::find_if(patterns.begin(), patterns.end(),
                       [&](const Pattern& pattern) { return pattern.field == field; });
}

Error invalid(std::string message) {
  return {
      ErrorClass::configuration,
      std::move(message),
      {},
      "Patterns are YYYY, YY, MM, Mon, Month, DD, HH24, HH12, MI, SS, MS, US, AM and PM; other letters stand "
      "in single quotes."};
}

// What a format has told, or is to tell.
struct Clock {
  int year = 1;
  int month = 1;
  int day = 1;
  int hour = 0;
  int minute = 0;
  int second = 0;
  int microsecond = 0;
  bool is_half_day = false;
  bool is_afternoon = false;
};

class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  bool at_end() const { return rest_.empty(); }

  bool literal(std::string_view wanted) {
    if (!rest_.starts_with(wanted)) return false;
    rest_.remove_prefix(wanted.size());
    return true;
  }

  // How many digits were read; 0: there is no number of that length.
  std::size_t number(std::size_t fewest, std::size_t most, int& number) {
    number = 0;
    std::size_t count = 0;
    for (; count < most && !rest_.empty() && ascii::is_digit(rest_.front()); ++count) {
      number = number * 10 + (rest_.front() - '0');
      rest_.remove_prefix(1);
    }
    return count < fewest ? 0 : count;
  }

  bool fraction(std::size_t fewest, std::size_t most, int& microsecond) {
    const std::size_t count = number(fewest, most, microsecond);
    if (count == 0) return false;
    for (std::size_t i = count; i < 6; ++i) microsecond *= 10;
    return true;
  }

  bool month(bool is_short, int& month) {
    for (std::size_t i = 0; i < months.size(); ++i) {
      const std::string_view name = is_short ? months[i].substr(0, 3) : months[i];
      if (!starts_with(rest_, name)) continue;
      rest_.remove_prefix(name.size());
      month = static_cast<int>(i) + 1;
      return true;
    }
    return false;
  }

  bool half_day(bool& is_afternoon) {
    is_afternoon = starts_with(rest_, "PM");
    if (!is_afternoon && !starts_with(rest_, "AM")) return false;
    rest_.remove_prefix(2);
    return true;
  }

 private:
  std::string_view rest_;
};

bool read_part(const Part& part, bool is_fixed, Scanner& scanner, Clock& clock) {
  const std::size_t most = pattern_of(part.field).digits;
  const std::size_t fewest = is_fixed ? most : 1;
  switch (part.field) {
    case Field::literal:
      return scanner.literal(part.text);
    case Field::year:
      return scanner.number(most, most, clock.year) > 0;
    case Field::short_year:
      if (scanner.number(most, most, clock.year) == 0) return false;
      clock.year += clock.year < 70 ? 2000 : 1900;
      return true;
    case Field::month:
      return scanner.number(fewest, most, clock.month) > 0;
    case Field::short_month_name:
    case Field::month_name:
      return scanner.month(part.field == Field::short_month_name, clock.month);
    case Field::day:
      return scanner.number(fewest, most, clock.day) > 0;
    case Field::half_day_hour:
      clock.is_half_day = true;
      [[fallthrough]];
    case Field::hour:
      return scanner.number(fewest, most, clock.hour) > 0;
    case Field::minute:
      return scanner.number(fewest, most, clock.minute) > 0;
    case Field::second:
      return scanner.number(fewest, most, clock.second) > 0;
    case Field::millisecond:
    case Field::microsecond:
      return scanner.fraction(fewest, most, clock.microsecond);
    case Field::half_day:
      return scanner.half_day(clock.is_afternoon);
  }
  return false;
}

std::optional<LocalTime> moment_of(Clock clock) {
  const chrono::year_month_day date{chrono::year(clock.year),
                                    chrono::month(static_cast<unsigned>(clock.month)),
                                    chrono::day(static_cast<unsigned>(clock.day))};
  if (!date.ok() || clock.year == 0 || clock.minute > 59 || clock.second > 59) return std::nullopt;
  if (clock.is_half_day) {
    if (clock.hour < 1 || clock.hour > 12) return std::nullopt;
    clock.hour = clock.hour % 12 + (clock.is_afternoon ? 12 : 0);
  }
  if (clock.hour > 23) return std::nullopt;
  return LocalTime(chrono::local_days(date)) + chrono::hours(clock.hour) + chrono::minutes(clock.minute) +
         chrono::seconds(clock.second) + chrono::microseconds(clock.microsecond);
}

Clock clock_of(LocalTime time) {
  const auto day = chrono::floor<chrono::days>(time);
  const chrono::year_month_day date(day);
  const chrono::hh_mm_ss of_day(time - day);
  Clock clock;
  clock.year = static_cast<int>(date.year());
  clock.month = static_cast<int>(static_cast<unsigned>(date.month()));
  clock.day = static_cast<int>(static_cast<unsigned>(date.day()));
  clock.hour = static_cast<int>(of_day.hours().count());
  clock.minute = static_cast<int>(of_day.minutes().count());
  clock.second = static_cast<int>(of_day.seconds().count());
  clock.microsecond = static_cast<int>(of_day.subseconds().count());
  return clock;
}

void append_number(std::string& out, int number, std::size_t digits) {
  char text[16];
  const int length = std::snprintf(text, sizeof text, "%0*d", static_cast<int>(digits), number);
  out.append(text, static_cast<std::size_t>(length));
}

// In the letter case of the pattern: MON, Mon, mon.
void append_name(std::string& out, std::string_view name, std::string_view pattern) {
  const bool is_upper = pattern[1] >= 'A' && pattern[1] <= 'Z';
  const bool is_lower = pattern[0] >= 'a' && pattern[0] <= 'z';
  for (const char c : name) {
    const char lower = ascii::to_lower(c);
    const bool is_capital = is_upper || (c != lower && !is_lower);
    out.push_back(is_capital && is_letter(c) ? static_cast<char>(lower - 'a' + 'A') : lower);
  }
}

int number_of(Field field, const Clock& clock) {
  switch (field) {
    case Field::year:
      return clock.year;
    case Field::short_year:
      return clock.year % 100;
    case Field::month:
      return clock.month;
    case Field::day:
      return clock.day;
    case Field::hour:
      return clock.hour;
    case Field::half_day_hour:
      return (clock.hour + 11) % 12 + 1;
    case Field::minute:
      return clock.minute;
    case Field::second:
      return clock.second;
    case Field::millisecond:
      return clock.microsecond / 1000;
    case Field::microsecond:
      return clock.microsecond;
    default:
      return 0;
  }
}

// Splits a format into its parts.
class FormatParser {
 public:
  explicit FormatParser(std::string_view text) : text_(text), rest_(text) {}

  Result<std::vector<Part>> parse() {
    while (!rest_.empty()) {
      if (Status status = parse_one(); !status) return std::move(status).error();
    }
    return std::move(parts_);
  }

 private:
  Status parse_one() {
    const char c = rest_.front();
    if (c == '\'') return parse_quoted();
    const auto pattern = std::find_if(patterns.begin(), patterns.end(),
                                      [&](const Pattern& each) { return starts_with(rest_, each.text); });
    if (pattern->field != Field::literal) {
      parts_.push_back({pattern->field, std::string(rest_.substr(0, pattern->text.size()))});
      rest_.remove_prefix(pattern->text.size());
      return Nothing{};
    }
    if (is_letter(c) && c != 'T' && c != 'Z') {
      return invalid("unknown pattern at " + json::quote(rest_) + " in the format " + json::quote(text_));
    }
    add_literal(rest_.substr(0, 1));
    rest_.remove_prefix(1);
    return Nothing{};
  }

  Status parse_quoted() {
    const std::size_t end = rest_.find('\'', 1);
    if (end == std::string_view::npos) {
      return invalid("expected a closing single quote in the format " + json::quote(text_));
    }
    add_literal(rest_.substr(1, end - 1));
    rest_.remove_prefix(end + 1);
    return Nothing{};
  }

  void add_literal(std::string_view text) {
    if (parts_.empty() || parts_.back().field != Field::literal) parts_.push_back({});
    parts_.back().text.append(text);
  }

  std::string_view text_;
  std::string_view rest_;
  std::vector<Part> parts_;
};

std::size_t count_of(const std::vector<Part>& parts, std::initializer_list<Field> fields) {
  return static_cast<std::size_t>(std::count_if(parts.begin(), parts.end(), [&](const Part& part) {
    return std::find(fields.begin(), fields.end(), part.field) != fields.end();
  }));
}

Status check(const std::vector<Part>& parts, std::string_view text) {
  const std::string format = "the format " + json::quote(text);
  if (count_of(parts, {Field::year, Field::short_year}) != 1 ||
      count_of(parts, {Field::month, Field::short_month_name, Field::month_name}) != 1 ||
      count_of(parts, {Field::day}) != 1) {
    return invalid(format + " must name one year, one month and one day");
  }
  if (count_of(parts, {Field::hour, Field::half_day_hour}) > 1 || count_of(parts, {Field::minute}) > 1 ||
      count_of(parts, {Field::second}) > 1 || count_of(parts, {Field::millisecond, Field::microsecond}) > 1) {
    return invalid(format + " names a part of the time twice");
  }
  if (count_of(parts, {Field::half_day_hour}) != count_of(parts, {Field::half_day})) {
    return invalid(format + " must have HH12 and AM together");
  }
  return Nothing{};
}

}  // namespace

Result<TimeFormat> TimeFormat::parse(std::string_view text) {
  Result<std::vector<Part>> parts = FormatParser(text).parse();
  if (!parts) return std::move(parts).error();
  if (Status status = check(parts.value(), text); !status) return std::move(status).error();
  TimeFormat format;
  format.parts_ = std::move(parts).value();
  return format;
}

std::optional<LocalTime> TimeFormat::read(std::string_view text) const {
  Scanner scanner(text);
  Clock clock;
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    const bool is_fixed = i + 1 < parts_.size() && pattern_of(parts_[i + 1].field).digits > 0;
    if (!read_part(parts_[i], is_fixed, scanner, clock)) return std::nullopt;
  }
  return scanner.at_end() ? moment_of(clock) : std::nullopt;
}

std::string TimeFormat::write(LocalTime time) const {
  const Clock clock = clock_of(time);
  std::string text;
  for (const Part& part : parts_) {
    const std::string_view month = months[static_cast<std::size_t>(clock.month - 1)];
    if (part.field == Field::literal) {
      text.append(part.text);
    } else if (part.field == Field::month_name) {
      append_name(text, month, part.text);
    } else if (part.field == Field::short_month_name) {
      append_name(text, month.substr(0, 3), part.text);
    } else if (part.field == Field::half_day) {
      append_name(text, clock.hour < 12 ? "AM" : "PM", part.text);
    } else {
      append_number(text, number_of(part.field, clock), pattern_of(part.field).digits);
    }
  }
  return text;
}

}  // namespace cmms::mapping
