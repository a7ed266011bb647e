// object "<member>" ["<name>" "<text>"]...: the value as a member of an object, with constant texts beside
// it.
#include <set>

#include "core/json/text.hpp"
#include "core/mapping/transforms/transforms.hpp"

namespace cmms::mapping::transforms {

Failure object(json::Field& value, const Transform& transform, const TransformContext& /*context*/) {
  if (value.is_null()) return success;
  std::string text = "{" + json::quote(transform.argument()) + ":" + value.to_json();
  for (std::size_t i = 1; i + 1 < transform.arguments.size(); i += 2) {
    text += "," + json::quote(transform.arguments[i]) + ":" + json::quote(transform.arguments[i + 1]);
  }
  value = {json::Kind::object, text + "}"};
  return success;
}

Status prepare_object(Transform& transform) {
  const std::vector<std::string>& arguments = transform.arguments;
  if (arguments.size() % 2 == 0) return refused("the last member has no text");
  std::set<std::string> names{arguments.front()};
  for (std::size_t i = 1; i < arguments.size(); i += 2) {
    if (!names.insert(arguments[i]).second) return refused("two members have the same name");
  }
  if (names.contains("")) return refused("a member has no name");
  return Nothing{};
}

}  // namespace cmms::mapping::transforms
