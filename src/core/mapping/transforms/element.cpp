// element <n>: the element of an array, counted from 0 as in paths; null when it has none. Anything else
// stays as it is.
#include "core/mapping/transforms/transforms.hpp"

namespace cmms::mapping::transforms {

Failure element(json::Field& value, const Transform& transform, const TransformContext& /*context*/) {
  return take_element(value, transform.prepared_as<Count>().number, End::front);
}

}  // namespace cmms::mapping::transforms
