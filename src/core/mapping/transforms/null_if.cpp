// null_if <text>: null when the value is exactly this text.
#include "core/mapping/transforms/transforms.hpp"

namespace cmms::mapping::transforms {

Failure null_if(json::Field& value, std::string_view argument, const TransformContext& /*context*/) {
  if (!value.is_null() && !is_composite(value) && value.text == argument) value = json::Field::null();
  return success;
}

}  // namespace cmms::mapping::transforms
