// first: the first element of an array, null when it is empty. Anything else stays as it is.
#include "core/mapping/transforms/transforms.hpp"

#include "core/json/jansson.hpp"

namespace cmms::mapping::transforms {

Failure first(json::Field& value, std::string_view /*argument*/, const TransformContext& /*context*/) {
  if (value.kind != json::Kind::array) return success;
  const auto document = json::Document::parse(value.text);
  if (!document) return failure("is not a readable array");
  const auto element = document.value().root().element(0);
  value = element ? json::Field::from(*element) : json::Field::null();
  return success;
}

}  // namespace cmms::mapping::transforms
