// Local times in a written form: PostgreSQL's template patterns, read strictly. YYYY YY MM Mon Month DD HH24
// HH12 MI SS MS US AM PM; T and Z, what is no letter, and text in single quotes stand for themselves.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/mapping/iso_time.hpp"
#include "core/result.hpp"

namespace cmms::mapping {

class TimeFormat {
 public:
  // The pattern must name a year, a month and a day, each once.
  static Result<TimeFormat> parse(std::string_view text);

  // Nullopt: the text does not look like that, or is no day of the calendar. A number may be shorter than its
  // pattern unless another number follows at once.
  std::optional<LocalTime> read(std::string_view text) const;
  std::string write(LocalTime time) const;

  enum class Field : std::uint8_t {
    literal,
    year,
    short_year,
    month,
    short_month_name,
    month_name,
    day,
    hour,
    half_day_hour,
    minute,
    second,
    millisecond,
    microsecond,
    half_day,
  };
  struct Part {
    Field field = Field::literal;
    std::string text;  // a literal; or the pattern as written, whose letter case is that of names
  };

 private:
  std::vector<Part> parts_;
};

}  // namespace cmms::mapping
