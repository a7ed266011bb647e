// The built-in transforms, one file each, and what they share. The table that names them is in transform.cpp.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/mapping/transform.hpp"

namespace cmms::mapping::transforms {

using Failure = std::optional<TransformFailure>;

inline constexpr std::nullopt_t success = std::nullopt;

inline Failure failure(std::string reason) { return TransformFailure{std::move(reason), {}}; }

inline bool is_composite(const json::Field& value) {
  return value.kind == json::Kind::array || value.kind == json::Kind::object;
}

inline std::string_view trimmed(std::string_view text) {
  static constexpr std::string_view blanks = " \t\r\n\f\v";
  const std::size_t start = text.find_first_not_of(blanks);
  if (start == std::string_view::npos) return {};
  return text.substr(start, text.find_last_not_of(blanks) - start + 1);
}

// Null, or a text of nothing but blanks: for a number or a date both mean that there is none.
inline bool is_blank(const json::Field& value) {
  return value.is_null() || (value.kind == json::Kind::string && trimmed(value.text).empty());
}

Failure boolean(json::Field& value, std::string_view argument, const TransformContext& context);
Failure date(json::Field& value, std::string_view argument, const TransformContext& context);
Failure default_text(json::Field& value, std::string_view argument, const TransformContext& context);
Failure first(json::Field& value, std::string_view argument, const TransformContext& context);
Failure integer(json::Field& value, std::string_view argument, const TransformContext& context);
Failure join(json::Field& value, std::string_view argument, const TransformContext& context);
Failure lower(json::Field& value, std::string_view argument, const TransformContext& context);
Failure map(json::Field& value, std::string_view argument, const TransformContext& context);
Failure null_if(json::Field& value, std::string_view argument, const TransformContext& context);
Failure number(json::Field& value, std::string_view argument, const TransformContext& context);
Failure prefix(json::Field& value, std::string_view argument, const TransformContext& context);
Failure string(json::Field& value, std::string_view argument, const TransformContext& context);
Failure timestamp(json::Field& value, std::string_view argument, const TransformContext& context);
Failure trim(json::Field& value, std::string_view argument, const TransformContext& context);
Failure upper(json::Field& value, std::string_view argument, const TransformContext& context);

}  // namespace cmms::mapping::transforms
