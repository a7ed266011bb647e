// truncate <n>: the first n characters of a text.
#include "core/mapping/transforms/transforms.hpp"

namespace cmms::mapping::transforms {

Failure truncate(json::Field& value, const Transform& transform, const TransformContext& /*context*/) {
  if (is_composite(value)) return failure("is not a text");
  if (value.kind != json::Kind::string) return success;
  std::size_t left = transform.prepared_as<Count>().number;
  for (std::size_t i = 0; i < value.text.size(); ++i) {
    const bool starts_character = (static_cast<unsigned char>(value.text[i]) & 0xC0U) != 0x80U;
    if (!starts_character) continue;
    if (left == 0) {
      value.text.resize(i);
      break;
    }
    --left;
  }
  return success;
}

}  // namespace cmms::mapping::transforms
