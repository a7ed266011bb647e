// after <text>: what follows the first place where that stands; null where it stands nowhere.
#include "core/mapping/transforms/transforms.hpp"

namespace cmms::mapping::transforms {

Failure after(json::Field& value, const Transform& transform, const TransformContext& /*context*/) {
  if (value.is_null()) return success;
  if (is_composite(value)) return failure("is not a text");
  const std::size_t at = value.text.find(transform.argument());
  value = at == std::string::npos ? json::Field::null()
                                  : json::Field::string(value.text.substr(at + transform.argument().size()));
  return success;
}

}  // namespace cmms::mapping::transforms
