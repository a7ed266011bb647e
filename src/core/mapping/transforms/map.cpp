// map <vocabulary>: the value that the vocabulary's map gives, of an array for each element. A value without
// a mapping is a problem, never a guess.
#include <algorithm>

#include "core/json/jansson.hpp"
#include "core/json/text.hpp"
#include "core/mapping/transforms/transforms.hpp"

namespace cmms::mapping::transforms {
namespace {

Failure no_mapping(const std::string& vocabulary, std::string part) {
  return TransformFailure{"has no mapping in vocabulary \"" + vocabulary + "\"", vocabulary, std::move(part)};
}

Failure map_elements(json::Field& value, const std::string& vocabulary, const ValueMap& values) {
  const auto document = json::Document::parse(value.text);
  if (!document) return failure("is not a readable array");
  const json::Value array = document.value().root();
  std::string mapped = "[";
  for (std::size_t i = 0; i < array.size(); ++i) {
    const json::Field element = json::Field::from(*array.element(i));
    if (is_composite(element)) return failure("has elements that are not single values");
    const auto target = values.find(element.text);
    if (!target && !element.is_null()) return no_mapping(vocabulary, element.text);
    if (i > 0) mapped.push_back(',');
    mapped += element.is_null() ? "null" : json::quote(*target);
  }
  value.text = mapped + "]";
  return success;
}

}  // namespace

Failure map(json::Field& value, const Transform& transform, const TransformContext& context) {
  if (value.is_null()) return success;
  if (value.kind == json::Kind::object) return failure("is not a single value");
  static const ValueMap none;
  const auto found = context.values.find(transform.argument());
  const ValueMap& values = found == context.values.end() ? none : found->second;
  if (value.kind == json::Kind::array) return map_elements(value, transform.argument(), values);
  const auto target = values.find(value.text);
  if (!target) return no_mapping(transform.argument(), {});
  value = json::Field::string(std::string(*target));
  return success;
}

Status prepare_vocabulary(Transform& transform) {
  const std::string& name = transform.argument();
  if (!name.empty() && std::all_of(name.begin(), name.end(), is_word_character)) return Nothing{};
  return refused("the name of a vocabulary is one word");
}

}  // namespace cmms::mapping::transforms
