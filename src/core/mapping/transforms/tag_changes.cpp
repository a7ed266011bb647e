// tag_changes <column>: a list of tags as what must be done to those that the provider has:
// [{"operation": "add", "values": ["rotor"]}, {"operation": "remove", "values": ["rubber"]}].
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "core/json/jansson.hpp"
#include "core/json/text.hpp"
#include "core/mapping/transforms/transforms.hpp"

namespace cmms::mapping::transforms {
namespace {

using Tags = std::vector<std::string>;

bool contains(const Tags& tags, const std::string& tag) {
  return std::find(tags.begin(), tags.end(), tag) != tags.end();
}

std::optional<Tags> read_tags(const json::Value& list) {
  if (!list.is_array()) return std::nullopt;
  Tags tags;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const json::Value tag = *list.element(i);
    if (!tag.is_string()) return std::nullopt;
    tags.emplace_back(tag.string());
  }
  return tags;
}

// What the provider has, as far as it is known: not while it has said nothing since these tags were sent.
std::optional<Tags> known_tags(const json::Value& record, const std::string& column) {
  if (const auto awaited = record.member("awaited_echo")) {
    if (const auto sent = read_tags(*awaited); sent && contains(*sent, column)) return std::nullopt;
  }
  const auto said = record.member("source_fields");
  const auto tags = said ? said->member(column) : std::nullopt;
  return tags ? read_tags(*tags) : std::nullopt;
}

Tags without(const Tags& tags, const Tags& others) {
  Tags left;
  for (const std::string& tag : tags) {
    if (!contains(others, tag)) left.push_back(tag);
  }
  return left;
}

void append(std::string& operations, std::string_view operation, const Tags& tags) {
  if (tags.empty()) return;
  operations += operations.empty() ? "[" : ",";
  operations += "{\"operation\":" + json::quote(operation) + ",\"values\":[";
  for (const std::string& tag : tags) {
    if (&tag != &tags.front()) operations += ',';
    json::append_quoted(operations, tag);
  }
  operations += "]}";
}

}  // namespace

Failure tag_changes(json::Field& value, const Transform& transform, const TransformContext& context) {
  if (value.is_null()) return success;
  if (value.kind != json::Kind::array) return failure("is no list of tags");
  const Result<json::Document> document = json::Document::parse(value.text);
  const std::optional<Tags> tags = document ? read_tags(document.value().root()) : std::nullopt;
  if (!tags) return failure("is no list of texts");
  std::string operations;
  if (!tags->empty()) {
    if (const std::optional<Tags> known = known_tags(context.document, transform.argument())) {
      append(operations, "add", without(*tags, *known));
      append(operations, "remove", without(*known, *tags));
    }
    // Also where there is no difference although there is a change: then what is known is out of date.
    if (operations.empty()) append(operations, "replace", *tags);
  }
  value = {json::Kind::array, operations.empty() ? "[]" : operations + "]"};
  return success;
}

}  // namespace cmms::mapping::transforms
