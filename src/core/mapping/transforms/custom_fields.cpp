// custom_fields: {"code": "value"} <-> [{"field": "code", "value": "value"}].
#include "core/json/jansson.hpp"
#include "core/json/text.hpp"
#include "core/mapping/transforms/transforms.hpp"

namespace cmms::mapping::transforms {
namespace {

void to_list(const json::Value& object, json::Field& value) {
  std::string list;
  object.each_member([&](std::string_view code, const json::Value& member) {
    list += list.empty() ? "[" : ",";
    list += "{\"field\":" + json::quote(code) + ",\"value\":" + member.text() + "}";
    return true;
  });
  value = {json::Kind::array, list.empty() ? "[]" : list + "]"};
}

Failure to_object(const json::Value& list, json::Field& value) {
  std::string text;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const json::Value element = *list.element(i);
    const auto code = element.member("field");
    if (!code || !code->is_string()) return failure("has an element without a text \"field\"");
    text += text.empty() ? "{" : ",";
    text += json::quote(code->string()) + ":" + element.member("value").value_or(json::Value()).text();
  }
  value = {json::Kind::object, text.empty() ? "{}" : text + "}"};
  return success;
}

}  // namespace

Failure custom_fields(json::Field& value, const Transform& /*transform*/, const TransformContext&) {
  if (value.is_null()) return success;
  if (!is_composite(value)) return failure("is neither an object nor a list of fields");
  const Result<json::Document> document = json::Document::parse(value.text);
  if (!document) return failure("is no JSON");
  if (value.kind == json::Kind::array) return to_object(document.value().root(), value);
  to_list(document.value().root(), value);
  return success;
}

}  // namespace cmms::mapping::transforms
