// list: an array of the one value; an array is one already.
#include "core/mapping/transforms/transforms.hpp"

namespace cmms::mapping::transforms {

Failure list(json::Field& value, const Transform& /*transform*/, const TransformContext& /*context*/) {
  if (value.is_null() || value.kind == json::Kind::array) return success;
  value = {json::Kind::array, "[" + value.to_json() + "]"};
  return success;
}

}  // namespace cmms::mapping::transforms
