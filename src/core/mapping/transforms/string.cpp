// string: a number or boolean as its text, an array or object as its JSON text.
#include "core/mapping/transforms/transforms.hpp"

namespace cmms::mapping::transforms {

Failure string(json::Field& value, const Transform& /*transform*/, const TransformContext& /*context*/) {
  if (!value.is_null()) value.kind = json::Kind::string;
  return success;
}

}  // namespace cmms::mapping::transforms
