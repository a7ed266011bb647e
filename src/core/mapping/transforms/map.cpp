// map <vocabulary>: the value that the vocabulary's map gives. A value without a mapping is a problem, never
// a guess.
#include "core/mapping/transforms/transforms.hpp"

namespace cmms::mapping::transforms {

Failure map(json::Field& value, std::string_view argument, const TransformContext& context) {
  if (value.is_null()) return success;
  if (is_composite(value)) return failure("is not a single value");
  const auto values = context.values.find(argument);
  const auto target = values == context.values.end() ? std::nullopt : values->second.find(value.text);
  if (!target) {
    const std::string vocabulary(argument);
    return TransformFailure{"has no mapping in vocabulary \"" + vocabulary + "\"", vocabulary};
  }
  value = json::Field::string(std::string(*target));
  return success;
}

}  // namespace cmms::mapping::transforms
