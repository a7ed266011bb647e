// null_if <text>...: null when the value is exactly one of these texts.
#include <algorithm>

#include "core/mapping/transforms/transforms.hpp"

namespace cmms::mapping::transforms {

Failure null_if(json::Field& value, const Transform& transform, const TransformContext& /*context*/) {
  if (is_composite(value)) return success;
  const auto& texts = transform.arguments;
  if (std::find(texts.begin(), texts.end(), value.text) != texts.end()) value = json::Field::null();
  return success;
}

}  // namespace cmms::mapping::transforms
