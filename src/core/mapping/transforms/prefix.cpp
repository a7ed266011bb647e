// prefix <text>: the text in front of the value.
#include "core/mapping/transforms/transforms.hpp"

namespace cmms::mapping::transforms {

Failure prefix(json::Field& value, const Transform& transform, const TransformContext& /*context*/) {
  if (value.is_null()) return success;
  if (is_composite(value)) return failure("is not a single value");
  value.text.insert(0, transform.argument());
  value.kind = json::Kind::string;
  return success;
}

}  // namespace cmms::mapping::transforms
