// default <text>: this text in place of null.
#include "core/mapping/transforms/transforms.hpp"

namespace cmms::mapping::transforms {

Failure default_text(json::Field& value, std::string_view argument, const TransformContext& /*context*/) {
  if (value.is_null()) value = json::Field::string(std::string(argument));
  return success;
}

}  // namespace cmms::mapping::transforms
