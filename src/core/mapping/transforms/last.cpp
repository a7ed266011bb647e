// last: the last element of an array, null when it is empty. Anything else stays as it is.
#include "core/mapping/transforms/transforms.hpp"

namespace cmms::mapping::transforms {

Failure last(json::Field& value, const Transform& /*transform*/, const TransformContext& /*context*/) {
  return take_element(value, 0, End::back);
}

}  // namespace cmms::mapping::transforms
