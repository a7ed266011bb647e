// lower: ASCII letters in lower case; other letters stay as they are, whatever the locale.
#include "core/mapping/transforms/transforms.hpp"

namespace cmms::mapping::transforms {

Failure lower(json::Field& value, const Transform& /*transform*/, const TransformContext& /*context*/) {
  if (is_composite(value)) return failure("is not a text");
  if (value.kind != json::Kind::string) return success;
  for (char& c : value.text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return success;
}

}  // namespace cmms::mapping::transforms
