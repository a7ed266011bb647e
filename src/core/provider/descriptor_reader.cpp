// The members of a descriptor's objects, read strictly.
#include "core/provider/descriptor_reader.hpp"

#include <algorithm>

#include "core/exchange/ascii.hpp"

namespace cmms::provider {

std::string member_path(const std::string& at, std::string_view member) {
  const bool plain = !member.empty() && std::all_of(member.begin(), member.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
  return plain ? at + "." + std::string(member) : at + ".\"" + std::string(member) + "\"";
}

void DescriptorReader::fail(const std::string& at, std::string_view what, std::string hint) {
  if (error_) return;
  Error error;
  error.error_class = ErrorClass::configuration;
  error.message = "invalid descriptor at " + at + ": " + std::string(what);
  error.hint = std::move(hint);
  error_ = std::move(error);
}

Members::Members(DescriptorReader& reader, const json::Value& object, std::string at)
    : reader_(reader), object_(object), at_(std::move(at)) {
  if (!object_.is_object()) reader_.fail(at_, "must be an object");
}

std::string Members::at(std::string_view member) const { return member_path(at_, member); }

std::optional<json::Value> Members::take(std::string_view name) {
  known_.emplace_back(name);
  std::optional<json::Value> value = object_.member(name);
  if (value && value->is_null()) reader_.fail(at(name), "must not be null");
  return value;
}

std::optional<json::Value> Members::take_object(std::string_view name) {
  std::optional<json::Value> value = take(name);
  if (!value || value->is_object()) return value;
  reader_.fail(at(name), "must be an object");
  return std::nullopt;
}

std::string Members::text(std::string_view name, bool required) {
  const std::optional<json::Value> value = take(name);
  if (!value) {
    if (required) reader_.fail(at_, "member \"" + std::string(name) + "\" is missing");
    return {};
  }
  if (!value->is_string()) {
    reader_.fail(at(name), "must be a string");
    return {};
  }
  return std::string(value->string());
}

bool Members::boolean(std::string_view name, bool fallback) {
  const std::optional<json::Value> value = take(name);
  if (!value) return fallback;
  if (value->kind() == json::Kind::boolean) return value->boolean();
  reader_.fail(at(name), "must be true or false");
  return fallback;
}

std::optional<std::int64_t> Members::integer(std::string_view name) {
  const std::optional<json::Value> value = take(name);
  if (!value) return std::nullopt;
  return whole_number(*value, at(name));
}

std::vector<std::int64_t> Members::integers(std::string_view name) {
  const std::optional<json::Value> value = take(name);
  std::vector<std::int64_t> out;
  if (!value) return out;
  if (!value->is_array()) {
    out.push_back(whole_number(*value, at(name)).value_or(0));
    return out;
  }
  for (std::size_t i = 0; i < value->size(); ++i) {
    out.push_back(whole_number(*value->element(i), at(name) + "[" + std::to_string(i) + "]").value_or(0));
  }
  return out;
}

std::optional<std::int64_t> Members::whole_number(const json::Value& value, const std::string& at) {
  std::optional<std::int64_t> number;
  if (value.kind() == json::Kind::number) number = ascii::parse_digits(value.number());
  if (!number) reader_.fail(at, "must be a whole number");
  return number;
}

std::vector<std::string> Members::texts(std::string_view name) {
  const std::optional<json::Value> value = take(name);
  std::vector<std::string> out;
  if (!value) return out;
  if (value->is_string()) {
    out.emplace_back(value->string());
    return out;
  }
  if (!value->is_array()) reader_.fail(at(name), "must be a string or an array of strings");
  for (std::size_t i = 0; i < value->size() && value->is_array(); ++i) {
    const json::Value element = *value->element(i);
    if (!element.is_string()) {
      reader_.fail(at(name) + "[" + std::to_string(i) + "]", "must be a string");
      break;
    }
    out.emplace_back(element.string());
  }
  return out;
}

std::vector<path::Path> Members::paths(std::string_view name) {
  std::vector<path::Path> out;
  for (const std::string& text : texts(name)) {
    Result<path::Path> path = path::Path::parse(text);
    if (path) {
      out.push_back(std::move(path).value());
    } else {
      reader_.fail(at(name), path.error().message);
    }
  }
  return out;
}

std::vector<Parameter> Members::parameters(std::string_view name) {
  std::vector<Parameter> out;
  const std::optional<json::Value> object = take_object(name);
  if (!object) return out;
  object->each_member([&](std::string_view member, const json::Value& value) {
    if (!value.is_string()) {
      reader_.fail(member_path(at(name), member), "must be a string");
      return false;
    }
    out.push_back({std::string(member), std::string(value.string())});
    return true;
  });
  return out;
}

void Members::finish() {
  text("note");  // for the human reader
  object_.each_member([&](std::string_view member, const json::Value&) {
    if (std::find(known_.begin(), known_.end(), member) != known_.end()) return true;
    std::sort(known_.begin(), known_.end());
    std::string hint = "Known members:";
    for (const std::string& known : known_) hint += (hint.back() == ':' ? " " : ", ") + known;
    reader_.fail(at(member), "unknown member", hint + ".");
    return false;
  });
}

}  // namespace cmms::provider
