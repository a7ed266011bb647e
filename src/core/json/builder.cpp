// The object of a request as a small tree of finished JSON texts; it is written once and never read again.
#include "core/json/builder.hpp"

#include <algorithm>
#include <span>
#include <utility>

#include "core/json/jansson.hpp"
#include "core/json/text.hpp"
#include "core/path/path.hpp"

namespace cmms::json {

struct ObjectBuilder::Node {
  std::string name;
  std::string json;           // of a value
  std::vector<Node> members;  // of an object under construction
  bool is_value = false;

  Node* find(std::string_view wanted) {
    const auto found =
        std::find_if(members.begin(), members.end(), [&](const Node& node) { return node.name == wanted; });
    return found == members.end() ? nullptr : &*found;
  }

  Node& find_or_add(std::string_view wanted) {
    if (Node* found = find(wanted)) return *found;
    Node& added = members.emplace_back();
    added.name = wanted;
    return added;
  }

  void become_value(std::string text) {
    json = std::move(text);
    members.clear();
    is_value = true;
  }

  // The members of an object that was given as a whole, so that others can be set beside them.
  bool open_up() {
    const Result<Document> document = Document::parse(json);
    if (!document || !document.value().root().is_object()) return false;
    document.value().root().each_member([&](std::string_view member, const Value& value) {
      find_or_add(member).become_value(value.text());
      return true;
    });
    is_value = false;
    json.clear();
    return true;
  }

  void append_to(std::string& out) const {
    if (is_value) {
      out.append(json);
      return;
    }
    out.push_back('{');
    for (const Node& member : members) {
      if (&member != members.data()) out.push_back(',');
      append_quoted(out, member.name);
      out.push_back(':');
      member.append_to(out);
    }
    out.push_back('}');
  }
};

namespace {

// Most targets are one plain name, which needs no path.
bool is_plain_name(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

Error not_writable(std::string_view path) {
  return {ErrorClass::configuration, "cannot set " + quote(clip(path, 200)) + " in a request",
          "Only member names can be written.", "Write a target as \"title\" or \"asset.id\"."};
}

}  // namespace

ObjectBuilder::ObjectBuilder() : root_(std::make_unique<Node>()) {}
ObjectBuilder::~ObjectBuilder() = default;
ObjectBuilder::ObjectBuilder(ObjectBuilder&&) noexcept = default;
ObjectBuilder& ObjectBuilder::operator=(ObjectBuilder&&) noexcept = default;

Status ObjectBuilder::set(std::string_view path, const Field& value) {
  return set_json(path, value.to_json());
}

Status ObjectBuilder::set_json(std::string_view path, std::string json) {
  if (is_plain_name(path)) {
    root_->find_or_add(path).become_value(std::move(json));
    return Nothing{};
  }
  Result<path::Path> parsed = path::Path::parse(path);
  if (!parsed) return std::move(parsed).error();
  if (!parsed.value().members_only()) return not_writable(path);

  const std::span<const path::Step> steps(parsed.value().steps());
  Node* node = root_.get();
  for (const path::Step& step : steps.first(steps.size() - 1)) {
    node = &node->find_or_add(step.name);
    if (node->is_value && !node->open_up()) {
      return Error{ErrorClass::configuration, "cannot set " + quote(clip(path, 200)) + " in a request",
                   "The member " + quote(step.name) + " already has a value of its own.",
                   "Map either the whole member or its parts, not both."};
    }
  }
  node->find_or_add(steps.back().name).become_value(std::move(json));
  return Nothing{};
}

bool ObjectBuilder::empty() const { return root_->members.empty(); }

std::string ObjectBuilder::dump() const {
  std::string out;
  root_->append_to(out);
  return out;
}

}  // namespace cmms::json
