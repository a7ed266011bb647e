// integer: a whole number within 64 bits. "12", 12 and 12.0 are; 12.5 and 1e3 are not.
#include "core/mapping/transforms/transforms.hpp"

#include <charconv>
#include <cstdint>

namespace cmms::mapping::transforms {

Failure integer(json::Field& value, const Transform& /*transform*/, const TransformContext& /*context*/) {
  if (is_blank(value)) {
    value = json::Field::null();
    return success;
  }
  if (value.kind != json::Kind::number && value.kind != json::Kind::string) {
    return failure("is not a whole number");
  }
  std::string_view text = trimmed(value.text);
  if (const std::size_t point = text.find('.'); point != std::string_view::npos) {
    const std::string_view fraction = text.substr(point + 1);
    if (fraction.empty() || fraction.find_first_not_of('0') != std::string_view::npos) {
      return failure("is not a whole number");
    }
    text = text.substr(0, point);
  }
  std::int64_t whole = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), whole);
  if (error == std::errc::result_out_of_range) return failure("is out of range for a 64-bit integer");
  if (error != std::errc() || end != text.data() + text.size()) return failure("is not a whole number");
  value = json::Field::number(std::to_string(whole));
  return success;
}

}  // namespace cmms::mapping::transforms
