// default <text>: this text in place of null.
#include "core/mapping/transforms/transforms.hpp"

namespace cmms::mapping::transforms {

Failure default_text(json::Field& value, const Transform& transform, const TransformContext& /*context*/) {
  if (value.is_null()) value = json::Field::string(transform.argument());
  return success;
}

}  // namespace cmms::mapping::transforms
