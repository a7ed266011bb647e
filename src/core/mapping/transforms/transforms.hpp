// The built-in transforms, one file each, and what they share. The table that names them is in transform.cpp.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "core/mapping/iso_time.hpp"
#include "core/mapping/transform.hpp"

namespace cmms::mapping::transforms {

using Failure = std::optional<TransformFailure>;

inline constexpr std::nullopt_t success = std::nullopt;

inline Failure failure(std::string reason) { return TransformFailure{std::move(reason)}; }

// Of a `prepare` or `verify`.
inline Error refused(std::string message, std::string hint = {}) {
  return {ErrorClass::configuration, std::move(message), {}, std::move(hint)};
}

inline bool is_composite(const json::Field& value) {
  return value.kind == json::Kind::array || value.kind == json::Kind::object;
}

inline std::string_view trimmed(std::string_view text) {
  static constexpr std::string_view blanks = " \t\r\n\f\v";
  const std::size_t start = text.find_first_not_of(blanks);
  if (start == std::string_view::npos) return {};
  return text.substr(start, text.find_last_not_of(blanks) - start + 1);
}

// Of names of transforms and vocabularies.
inline bool is_word_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
         c == '.';
}

// Null, or a text of nothing but blanks: for a number or a date both mean that there is none.
inline bool is_blank(const json::Field& value) {
  return value.is_null() || (value.kind == json::Kind::string && trimmed(value.text).empty());
}

// Reads an ISO 8601 time. What means that there is none becomes null and gives no `time`.
Failure read_time(json::Field& value, std::optional<UtcTime>& time);
Failure write_time(json::Field& value, UtcTime time);

// The element of an array, null where it has none; anything else is an element by itself.
enum class End : std::uint8_t { front, back };
Failure take_element(json::Field& value, std::size_t position, End counted_from);

// `prepare` of transforms whose argument is a count.
struct Count : Prepared {
  std::size_t number = 0;
};
Status prepare_count(Transform& transform);

Failure after(json::Field& value, const Transform& transform, const TransformContext& context);
Failure before(json::Field& value, const Transform& transform, const TransformContext& context);
Failure boolean(json::Field& value, const Transform& transform, const TransformContext& context);
Failure custom_fields(json::Field& value, const Transform& transform, const TransformContext& context);
Failure date(json::Field& value, const Transform& transform, const TransformContext& context);
Failure default_text(json::Field& value, const Transform& transform, const TransformContext& context);
Failure element(json::Field& value, const Transform& transform, const TransformContext& context);
Failure epoch(json::Field& value, const Transform& transform, const TransformContext& context);
Failure first(json::Field& value, const Transform& transform, const TransformContext& context);
Failure format_time(json::Field& value, const Transform& transform, const TransformContext& context);
Failure hours_to_minutes(json::Field& value, const Transform& transform, const TransformContext& context);
Failure integer(json::Field& value, const Transform& transform, const TransformContext& context);
Failure join(json::Field& value, const Transform& transform, const TransformContext& context);
Failure last(json::Field& value, const Transform& transform, const TransformContext& context);
Failure list(json::Field& value, const Transform& transform, const TransformContext& context);
Failure lower(json::Field& value, const Transform& transform, const TransformContext& context);
Failure map(json::Field& value, const Transform& transform, const TransformContext& context);
Failure minor_units(json::Field& value, const Transform& transform, const TransformContext& context);
Failure minutes_to_hours(json::Field& value, const Transform& transform, const TransformContext& context);
Failure null_if(json::Field& value, const Transform& transform, const TransformContext& context);
Failure null_sentinels(json::Field& value, const Transform& transform, const TransformContext& context);
Failure number(json::Field& value, const Transform& transform, const TransformContext& context);
Failure object(json::Field& value, const Transform& transform, const TransformContext& context);
Failure pair(json::Field& value, const Transform& transform, const TransformContext& context);
Failure prefix(json::Field& value, const Transform& transform, const TransformContext& context);
Failure sap_date(json::Field& value, const Transform& transform, const TransformContext& context);
Failure split(json::Field& value, const Transform& transform, const TransformContext& context);
Failure sql(json::Field& value, const Transform& transform, const TransformContext& context);
Failure string(json::Field& value, const Transform& transform, const TransformContext& context);
Failure tag_changes(json::Field& value, const Transform& transform, const TransformContext& context);
Failure template_text(json::Field& value, const Transform& transform, const TransformContext& context);
Failure time(json::Field& value, const Transform& transform, const TransformContext& context);
Failure timestamp(json::Field& value, const Transform& transform, const TransformContext& context);
Failure to_epoch(json::Field& value, const Transform& transform, const TransformContext& context);
Failure to_minor_units(json::Field& value, const Transform& transform, const TransformContext& context);
Failure to_sap_date(json::Field& value, const Transform& transform, const TransformContext& context);
Failure trim(json::Field& value, const Transform& transform, const TransformContext& context);
Failure truncate(json::Field& value, const Transform& transform, const TransformContext& context);
Failure typed_identifier(json::Field& value, const Transform& transform, const TransformContext& context);
Failure upper(json::Field& value, const Transform& transform, const TransformContext& context);

Status prepare_currency(Transform& transform);    // minor_units and to_minor_units
Status prepare_epoch_unit(Transform& transform);  // epoch and to_epoch
Status prepare_object(Transform& transform);
Status prepare_pair(Transform& transform);
Status prepare_separator(Transform& transform);  // split
Status prepare_sql(Transform& transform);
Status prepare_template(Transform& transform);
Status prepare_time_format(Transform& transform);  // time and format_time
Status prepare_vocabulary(Transform& transform);   // map

Status verify_sql(const Transform& transform, const Environment& environment);
Status verify_time_zone(const Transform& transform, const Environment& environment);

}  // namespace cmms::mapping::transforms
