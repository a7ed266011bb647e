// split <separator>: the parts of a text as an array of texts; an empty text has none. An array stays as it
// is.
#include <algorithm>

#include "core/json/text.hpp"
#include "core/mapping/transforms/transforms.hpp"

namespace cmms::mapping::transforms {

Failure split(json::Field& value, const Transform& transform, const TransformContext& /*context*/) {
  if (value.is_null() || value.kind == json::Kind::array) return success;
  if (value.kind == json::Kind::object) return failure("is not a text");
  const std::string_view separator = transform.argument();
  std::string array = "[";
  std::size_t start = 0;
  while (start <= value.text.size() && !value.text.empty()) {
    const std::size_t end = std::min(value.text.find(separator, start), value.text.size());
    if (array.size() > 1) array.push_back(',');
    json::append_quoted(array, std::string_view(value.text).substr(start, end - start));
    start = end + separator.size();
  }
  value = {json::Kind::array, array + "]"};
  return success;
}

Status prepare_separator(Transform& transform) {
  if (transform.argument().empty()) return refused("the separator must not be empty");
  return Nothing{};
}

}  // namespace cmms::mapping::transforms
