// number: a decimal number, digit for digit. Thousands separators and currency signs are refused, not read.
#include "core/mapping/transforms/transforms.hpp"

#include "core/json/text.hpp"

namespace cmms::mapping::transforms {

Failure number(json::Field& value, const Transform& /*transform*/, const TransformContext& /*context*/) {
  if (is_blank(value)) {
    value = json::Field::null();
    return success;
  }
  if (value.kind == json::Kind::number) return success;
  if (value.kind != json::Kind::string) return failure("is not a number");
  const std::string_view text = trimmed(value.text);
  if (!json::is_number(text)) return failure("is not a number");
  value = json::Field::number(std::string(text));
  return success;
}

}  // namespace cmms::mapping::transforms
