// upper: ASCII letters in upper case; other letters stay as they are, whatever the locale.
#include "core/mapping/transforms/transforms.hpp"

namespace cmms::mapping::transforms {

Failure upper(json::Field& value, const Transform& /*transform*/, const TransformContext& /*context*/) {
  if (is_composite(value)) return failure("is not a text");
  if (value.kind != json::Kind::string) return success;
  for (char& c : value.text) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return success;
}

}  // namespace cmms::mapping::transforms
