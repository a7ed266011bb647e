// trim: without white space at either end. Numbers and booleans have none.
#include "core/mapping/transforms/transforms.hpp"

namespace cmms::mapping::transforms {

Failure trim(json::Field& value, const Transform& /*transform*/, const TransformContext& /*context*/) {
  if (is_composite(value)) return failure("is not a text");
  if (value.kind != json::Kind::string) return success;
  const std::string_view text = trimmed(value.text);
  if (text.size() != value.text.size()) value.text = std::string(text);
  return success;
}

}  // namespace cmms::mapping::transforms
