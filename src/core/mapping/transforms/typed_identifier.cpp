// typed_identifier: "external:EQ-1" <-> {"type": "external", "value": "EQ-1"}, "2507" <-> 2507; any other
// text is the identifier as it stands.
#include <algorithm>

#include "core/exchange/ascii.hpp"
#include "core/json/jansson.hpp"
#include "core/json/text.hpp"
#include "core/mapping/transforms/transforms.hpp"

namespace cmms::mapping::transforms {
namespace {

// A longer run of digits is a code, not a number.
constexpr std::size_t most_digits = 18;

bool is_number(std::string_view text) {
  return text.size() <= most_digits && (text == "0" || !text.starts_with('0')) &&
         ascii::parse_digits(text).has_value();
}

bool is_type(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  });
}

json::Field typed(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || !is_type(text.substr(0, colon))) {
    return is_number(text) ? json::Field::number(std::string(text)) : json::Field::string(std::string(text));
  }
  const std::string_view type = text.substr(0, colon);
  const std::string_view rest = text.substr(colon + 1);
  const std::string value = type == "native" && is_number(rest) ? std::string(rest) : json::quote(rest);
  return {json::Kind::object, "{\"type\":" + json::quote(type) + ",\"value\":" + value + "}"};
}

Failure untyped(const json::Value& object, json::Field& value) {
  const auto type = object.member("type");
  const auto identifier = object.member("value");
  if (!type || !type->is_string() || !identifier)
    return failure("has not the members \"type\" and \"value\"");
  value = json::Field::string(std::string(type->string()) + ":" + json::Field::from(*identifier).text);
  return success;
}

Failure convert(json::Field& value);

Failure convert_each(json::Field& value) {
  const Result<json::Document> document = json::Document::parse(value.text);
  if (!document) return failure("is no JSON");
  std::string all = "[";
  for (std::size_t i = 0; i < document.value().root().size(); ++i) {
    json::Field element = json::Field::from(*document.value().root().element(i));
    if (auto refused = convert(element)) return refused;
    if (all.size() > 1) all += ",";
    all += element.to_json();
  }
  value.text = all + "]";
  return success;
}

Failure convert(json::Field& value) {
  if (value.kind == json::Kind::string) {
    value = typed(value.text);
  } else if (value.kind == json::Kind::number) {
    value = json::Field::string(value.text);
  } else if (value.kind == json::Kind::object) {
    const Result<json::Document> document = json::Document::parse(value.text);
    if (!document) return failure("is no JSON");
    return untyped(document.value().root(), value);
  } else if (value.kind == json::Kind::array) {
    return convert_each(value);
  } else if (!value.is_null()) {
    return failure("is no identifier");
  }
  return success;
}

}  // namespace

Failure typed_identifier(json::Field& value, const Transform& /*transform*/,
                         const TransformContext& /*context*/) {
  return convert(value);
}

}  // namespace cmms::mapping::transforms
