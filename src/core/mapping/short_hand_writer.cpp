// Rules back to short-hand. Nothing is derived twice: each member is tried with the parser itself, and what
// it does not give back exactly is written as a rule of its own.
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "core/json/jansson.hpp"
#include "core/json/text.hpp"
#include "core/mapping/short_hand.hpp"

namespace cmms::mapping {
namespace {

// One JSON object, member by member.
class ObjectText {
 public:
  void add(std::string_view name, std::string_view json) {
    if (text_.size() > 1) text_.push_back(',');
    json::append_quoted(text_, name);
    text_.append(":").append(json);
  }
  void add_text(std::string_view name, std::string_view text) { add(name, json::quote(text)); }
  std::string finish() const { return text_ + "}"; }

 private:
  std::string text_ = "{";
};

std::string sources_json(const std::vector<std::string>& sources) {
  if (sources.size() == 1) return json::quote(sources.front());
  std::string text = "[";
  for (const std::string& source : sources) {
    if (text.size() > 1) text.push_back(',');
    json::append_quoted(text, source);
  }
  return text + "]";
}

void add_options(const RuleText& rule, std::string_view usual_transform, ObjectText& object) {
  if (!rule.sources.empty()) object.add("source", sources_json(rule.sources));
  if (rule.transform != usual_transform) object.add_text("transform", rule.transform);
  if (rule.required) object.add("required", "true");
  if (rule.default_value) object.add("default", rule.default_value->to_json());
}

std::string member_json(const RuleText& rule, std::string_view usual_transform) {
  if (rule.sources.empty() && !rule.default_value) return "null";
  const bool is_plain = rule.transform == usual_transform && !rule.required && !rule.default_value;
  if (is_plain) return sources_json(rule.sources);
  ObjectText object;
  add_options(rule, usual_transform, object);
  return object.finish();
}

std::string rule_json(const RuleText& rule, std::string_view direction) {
  ObjectText object;
  object.add_text("direction", direction);
  object.add_text("target", rule.target);
  add_options(rule, "", object);
  if (rule.on_operation != OnOperation::always) {
    object.add_text("on_operation", rule.on_operation == OnOperation::create ? "create" : "update");
  }
  if (!rule.owner.empty()) object.add_text("owner", rule.owner);
  return object.finish();
}

bool has_target(const std::vector<RuleText>& rules, std::string_view target) {
  return std::any_of(rules.begin(), rules.end(), [&](const RuleText& rule) { return rule.target == target; });
}

bool has_targets_of(const std::vector<RuleText>& rules, const std::vector<RuleText>& others) {
  return std::all_of(others.begin(), others.end(),
                     [&](const RuleText& other) { return has_target(rules, other.target); });
}

bool has_target_of(const std::vector<RuleText>& rules, const std::vector<RuleText>& others) {
  return std::any_of(others.begin(), others.end(),
                     [&](const RuleText& other) { return has_target(rules, other.target); });
}

// What the members mean; nothing when they mean nothing.
ShortHand meaning_of(const std::string& members, std::string_view resource) {
  const Result<json::Document> document = json::Document::parse(members);
  if (!document) return {};
  Result<ShortHand> parsed = parse_short_hand(document.value().root(), resource);
  return parsed ? std::move(parsed).value() : ShortHand{};
}

// The provider's own word beside ours comes with the mapped field.
bool comes_along(const std::vector<RuleText>& inbound, const RuleText& rule) {
  std::string_view mapped;
  if (rule.target == "source_status") mapped = "common_status";
  if (rule.target == "source_priority") mapped = "priority";
  RuleText copy;
  copy.target = rule.target;
  copy.sources = rule.sources;
  return rule == copy && std::any_of(inbound.begin(), inbound.end(), [&](const RuleText& other) {
           return other.target == mapped && other.sources == rule.sources;
         });
}

std::string write_members(const ShortHand& rules, std::string_view resource) {
  ObjectText members;
  std::vector<RuleText> written_outbound;
  for (const RuleText& rule : rules.inbound) {
    const ShortName name = short_name(rule.target, resource);
    if (name.name.empty() || comes_along(rules.inbound, rule)) continue;
    ObjectText alone;
    const std::string json = member_json(rule, name.transform);
    alone.add(name.name, json);
    const ShortHand meaning = meaning_of(alone.finish(), resource);
    // Of a rule too many there is no way to be rid again; one that differs is written over.
    if (meaning.inbound.empty() || !has_targets_of(rules.inbound, meaning.inbound) ||
        !has_targets_of(rules.outbound, meaning.outbound) ||
        has_target_of(written_outbound, meaning.outbound)) {
      continue;
    }
    written_outbound.insert(written_outbound.end(), meaning.outbound.begin(), meaning.outbound.end());
    members.add(name.name, json);
  }
  return members.finish();
}

void write_rest(const std::vector<RuleText>& rules, const std::vector<RuleText>& said,
                std::string_view direction, std::string& list) {
  for (const RuleText& rule : rules) {
    if (std::find(said.begin(), said.end(), rule) != said.end()) continue;
    if (list.size() > 1) list.push_back(',');
    list += rule_json(rule, direction);
  }
}

}  // namespace

std::string write_short_hand(const ShortHand& rules, std::string_view resource) {
  const std::string members = write_members(rules, resource);
  const ShortHand said = meaning_of(members, resource);
  std::string rest = "[";
  write_rest(rules.inbound, said.inbound, "inbound", rest);
  write_rest(rules.outbound, said.outbound, "outbound", rest);
  ObjectText document;
  document.add(resource, members);
  if (rest.size() > 1) document.add("rules", rest + "]");
  return document.finish();
}

}  // namespace cmms::mapping
