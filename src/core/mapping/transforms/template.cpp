// template <text>: "WO {identifier}: {title}". A placeholder is a path into the source document, {value} the
// value itself; what is not there or null is an empty text. {{ and }} are braces.
#include <variant>
#include <vector>

#include "core/json/text.hpp"
#include "core/mapping/transforms/transforms.hpp"
#include "core/path/path.hpp"

namespace cmms::mapping::transforms {
namespace {

struct ValueItself {};
using Part = std::variant<std::string, ValueItself, path::Path>;

struct Parts : Prepared {
  std::vector<Part> parts;
};

Result<Part> placeholder(std::string_view name) {
  if (name == "value") return Part(ValueItself{});
  if (name.empty()) return refused("a placeholder is empty");
  Result<path::Path> path = path::Path::parse(name);
  if (!path) return refused(path.error().message);
  return Part(std::move(path).value());
}

Result<std::vector<Part>> parse(std::string_view text) {
  std::vector<Part> parts;
  std::string literal;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool is_doubled = i + 1 < text.size() && text[i + 1] == c;
    if ((c == '{' || c == '}') && is_doubled) {
      literal.push_back(c);
      ++i;
    } else if (c == '}') {
      return refused("a closing brace has no opening one; }} is the character itself");
    } else if (c == '{') {
      const std::size_t end = text.find('}', i);
      if (end == std::string_view::npos) {
        return refused("a placeholder has no closing brace; {{ is the character itself");
      }
      Result<Part> part = placeholder(text.substr(i + 1, end - i - 1));
      if (!part) return std::move(part).error();
      parts.emplace_back(std::exchange(literal, {}));
      parts.push_back(std::move(part).value());
      i = end;
    } else {
      literal.push_back(c);
    }
  }
  parts.emplace_back(std::move(literal));
  return parts;
}

}  // namespace

Failure template_text(json::Field& value, const Transform& transform, const TransformContext& context) {
  if (value.is_null()) return success;
  std::string text;
  for (const Part& part : transform.prepared_as<Parts>().parts) {
    if (const auto* literal = std::get_if<std::string>(&part)) {
      text.append(*literal);
      continue;
    }
    const auto* path = std::get_if<path::Path>(&part);
    const std::optional<json::Field> field = path == nullptr ? value : path->field(context.document);
    if (!field) continue;
    if (is_composite(*field)) {
      return failure("has no single value for {" + (path == nullptr ? "value" : path->text()) + "}");
    }
    text.append(field->text);
  }
  value = json::Field::string(std::move(text));
  return success;
}

Status prepare_template(Transform& transform) {
  Result<std::vector<Part>> parts = parse(transform.argument());
  if (!parts) return std::move(parts).error();
  auto prepared = std::make_shared<Parts>();
  prepared->parts = std::move(parts).value();
  transform.prepared = std::move(prepared);
  return Nothing{};
}

}  // namespace cmms::mapping::transforms
