// join <separator>: the elements of an array as one text, nulls left out. A single value is its own text.
#include "core/mapping/transforms/transforms.hpp"

#include "core/json/jansson.hpp"

namespace cmms::mapping::transforms {

Failure join(json::Field& value, const Transform& transform, const TransformContext& /*context*/) {
  if (value.is_null()) return success;
  if (value.kind == json::Kind::object) return failure("is not an array");
  if (value.kind != json::Kind::array) {
    value.kind = json::Kind::string;
    return success;
  }
  const auto document = json::Document::parse(value.text);
  if (!document) return failure("is not a readable array");
  const json::Value array = document.value().root();
  std::string joined;
  bool first_element = true;
  for (std::size_t i = 0; i < array.size(); ++i) {
    const auto element = array.element(i);
    if (!element || element->is_null()) continue;
    const json::Field field = json::Field::from(*element);
    if (is_composite(field)) return failure("has elements that are not single values");
    if (!first_element) joined.append(transform.argument());
    first_element = false;
    joined.append(field.text);
  }
  value = json::Field::string(std::move(joined));
  return success;
}

}  // namespace cmms::mapping::transforms
