// before <text>: the text up to the first place where that stands; all of it where it stands nowhere.
#include "core/mapping/transforms/transforms.hpp"

namespace cmms::mapping::transforms {

Failure before(json::Field& value, const Transform& transform, const TransformContext& /*context*/) {
  if (value.is_null()) return success;
  if (is_composite(value)) return failure("is not a text");
  value = json::Field::string(value.text.substr(0, value.text.find(transform.argument())));
  return success;
}

}  // namespace cmms::mapping::transforms
