// Overlaying maps. What the DBA wrote wins over what was learnt, and that over the descriptor's defaults.
#include "core/provider/overlay.hpp"

#include <algorithm>
#include <iterator>
#include <set>

#include "core/json/jansson.hpp"
#include "core/json/text.hpp"
#include "core/provider/alias.hpp"
#include "core/provider/inbound.hpp"

namespace cmms::provider {
namespace {

using mapping::Direction;
using mapping::RuleText;
using mapping::ValueMap;
using mapping::ValueRule;

Error row_error(const FieldRow& row, std::string_view what) {
  return Error{ErrorClass::configuration,
               "field map rule for \"" + row.target + "\" (" + row.direction + "): " + std::string(what),
               {},
               {}};
}

Result<RuleText> rule_from(const FieldRow& row) {
  RuleText rule;
  rule.target = row.target;
  if (row.source) {
    Result<std::vector<std::string>> sources = parse_sources(*row.source);
    if (!sources) return row_error(row, sources.error().message);
    rule.sources = std::move(sources).value();
  }
  rule.transform = row.transform;
  rule.required = row.required;
  if (row.default_value) {
    const Result<json::Document> document = json::Document::parse(*row.default_value);
    if (!document) return row_error(row, "the default is not JSON");
    rule.default_value = json::Field::from(document.value().root());
  }
  if (row.on_operation == "create") {
    rule.on_operation = mapping::OnOperation::create;
  } else if (row.on_operation == "update") {
    rule.on_operation = mapping::OnOperation::update;
  } else if (row.on_operation != "always") {
    return row_error(row, "unknown operation \"" + row.on_operation + "\"");
  }
  if (row.owner != "newest") rule.owner = row.owner;
  return rule;
}

// Canonical, so that "asset.id" and "$.asset.id" are one target.
std::string canonical_target(const std::string& target) {
  const Result<path::Path> path = path::Path::parse(target);
  return path ? path.value().text() : target;
}

// As the DBA wrote them.
Result<std::vector<RuleText>> own_rules(const std::vector<FieldRow>& rows, std::string_view resource,
                                        std::string_view direction) {
  std::vector<RuleText> own;
  for (const FieldRow& row : rows) {
    if (row.resource != resource || row.direction != direction) continue;
    Result<RuleText> rule = rule_from(row);
    if (!rule) return std::move(rule).error();
    own.push_back(std::move(rule).value());
  }
  return own;
}

// Two rules for one field, by its name and by an alias, leave open which is meant.
Status check_targets(const Aliases& aliases, const std::vector<RuleText>& own, std::string_view direction) {
  std::map<std::string, std::string> written;
  for (const RuleText& rule : own) {
    const std::string target = canonical_target(resolve_aliases(aliases, direction, rule).target);
    const auto [other, is_new] = written.emplace(target, rule.target);
    if (is_new) continue;
    return Error{ErrorClass::configuration,
                 "field map rules for \"" + other->second + "\" and \"" + rule.target + "\" (" +
                     std::string(direction) + ") are for the same field",
                 {},
                 "Keep one of them."};
  }
  return Nothing{};
}

std::vector<RuleText> overlay_texts(const ResourceSpec& spec, std::vector<RuleText> own,
                                    std::string_view direction) {
  const bool is_outbound = direction == "outbound";
  const bool are_replaced = is_outbound && spec.outbound_replaceable && !own.empty();
  std::vector<RuleText> rules;
  if (!are_replaced) rules = is_outbound ? spec.outbound : spec.inbound;
  for (RuleText& rule : own) {
    const std::string target = canonical_target(resolve_aliases(spec.aliases, direction, rule).target);
    const auto existing = std::find_if(rules.begin(), rules.end(), [&](const RuleText& each) {
      return canonical_target(each.target) == target;
    });
    const bool is_off = rule.sources.empty() && (!rule.default_value || rule.default_value->is_null());
    if (existing == rules.end()) {
      if (!is_off) rules.push_back(std::move(rule));
    } else if (is_off) {
      rules.erase(existing);
    } else {
      *existing = std::move(rule);
    }
  }
  return rules;
}

// The DBA's rules, aliases resolved.
Result<std::vector<RuleText>> resolved_rules(const ResourceSpec& spec, const std::vector<FieldRow>& rows,
                                             std::string_view direction) {
  Result<std::vector<RuleText>> own = own_rules(rows, spec.name, direction);
  if (!own) return own;
  if (Status status = check_targets(spec.aliases, own.value(), direction); !status) {
    return std::move(status).error();
  }
  for (RuleText& rule : own.value()) rule = resolve_aliases(spec.aliases, direction, std::move(rule));
  return own;
}

Result<std::vector<mapping::Rule>> compile_over_defaults(const ResourceSpec& spec, std::vector<RuleText> own,
                                                         std::string_view direction) {
  std::vector<mapping::Rule> compiled;
  for (const RuleText& rule : overlay_texts(spec, std::move(own), direction)) {
    Result<mapping::Rule> each = mapping::compile_rule(rule);
    if (!each) return std::move(each).error();
    compiled.push_back(std::move(each).value());
  }
  return compiled;
}

Status read_owners(const std::vector<FieldRow>& rows, std::string_view resource, ResourceMaps& maps) {
  for (const FieldRow& row : rows) {
    if (row.resource != resource || row.direction != "inbound") continue;
    const std::optional<merge::Owner> owner = merge::parse_owner(row.owner);
    if (!owner) return row_error(row, "unknown owner \"" + row.owner + "\"");
    if (*owner != merge::Owner::newest) maps.owners.insert_or_assign(row.target, *owner);
  }
  return Nothing{};
}

// Where the DBA's rules find a field of the record that paths also look for.
std::vector<path::Path> sources_of(const std::vector<RuleText>& own, std::string_view target) {
  std::vector<path::Path> paths;
  for (const RuleText& rule : own) {
    if (rule.target != target) continue;
    for (const std::string& source : rule.sources) {
      if (Result<path::Path> path = path::Path::parse(source); path) paths.push_back(std::move(path).value());
    }
  }
  return paths;
}

// Descriptor's rules for what a row is for too are left out: another spelling would make the value ambiguous,
// and a rule that matches more closely would come before the row.
ValueMap merge(const std::vector<ValueRule>& strong, const std::vector<ValueRule>& weak) {
  ValueMap rows;
  for (const ValueRule& rule : strong) rows.add(rule);
  ValueMap merged = rows;
  for (const ValueRule& rule : weak) {
    const bool is_default = rule.match == mapping::Match::default_value;
    if (!(is_default ? rows.find(rule.source) : rows.find_stated(rule.source))) merged.add(rule);
  }
  return merged;
}

std::vector<ValueRule> rows_of(const std::vector<ValueRow>& rows, std::string_view resource,
                               std::string_view vocabulary, std::string_view direction) {
  std::vector<ValueRule> rules;
  for (const ValueRow& row : rows) {
    if (row.resource == resource && row.vocabulary == vocabulary && row.direction == direction) {
      rules.push_back(row.rule);
    }
  }
  return rules;
}

class Learnt {
 public:
  Learnt(const std::vector<LearntValue>& all, std::string_view vocabulary) {
    for (const LearntValue& value : all) {
      if (value.vocabulary == vocabulary) values_.push_back(&value);
    }
  }

  // A row may name the provider's value instead of giving its id.
  void names_to_ids(std::vector<ValueRule>& outbound) const {
    for (ValueRule& rule : outbound) {
      const auto is_id = std::any_of(values_.begin(), values_.end(),
                                     [&](const auto* value) { return value->value_id == rule.target; });
      if (is_id) continue;
      ValueMap by_name;
      by_name.add(rule.target, "found");
      std::vector<const LearntValue*> named;
      std::copy_if(values_.begin(), values_.end(), std::back_inserter(named),
                   [&](const auto* value) { return by_name.find(value->value_name).has_value(); });
      if (named.size() == 1) rule.target = named.front()->value_id;
    }
  }

  // Hub value -> id, as far as the names leave no doubt.
  std::vector<ValueRule> outbound(const ValueMap& inbound) const {
    std::map<std::string, std::vector<const LearntValue*>, std::less<>> by_hub_value;
    for (const LearntValue* value : values_) {
      std::optional<std::string_view> hub_value = inbound.find_stated(value->value_name);
      if (!hub_value) hub_value = inbound.find_stated(value->value_id);
      if (hub_value) by_hub_value[std::string(*hub_value)].push_back(value);
    }
    std::vector<ValueRule> rules;
    for (auto& [hub_value, candidates] : by_hub_value) {
      if (candidates.size() > 1) keep_namesake(hub_value, candidates);
      if (candidates.size() == 1)
        rules.push_back({.source = hub_value, .target = candidates.front()->value_id});
    }
    return rules;
  }

 private:
  // Of "New" and "Requested", both ours 'requested', the one of the same name is meant.
  static void keep_namesake(std::string_view hub_value, std::vector<const LearntValue*>& candidates) {
    ValueMap same;
    same.add(hub_value, hub_value);
    std::vector<const LearntValue*> namesakes;
    std::copy_if(candidates.begin(), candidates.end(), std::back_inserter(namesakes),
                 [&](const auto* value) { return same.find(value->value_name).has_value(); });
    if (namesakes.size() == 1) candidates = std::move(namesakes);
  }

  std::vector<const LearntValue*> values_;
};

}  // namespace

std::string sources_text(const std::vector<std::string>& sources) {
  if (sources.size() == 1) return sources.front();
  std::string text = "[";
  for (const std::string& source : sources) {
    if (text.size() > 1) text += ",";
    json::append_quoted(text, source);
  }
  return text + "]";
}

Result<std::vector<std::string>> parse_sources(std::string_view text) {
  std::vector<std::string> sources;
  if (!text.starts_with("[\"")) {
    sources.emplace_back(text);
    return sources;
  }
  const Result<json::Document> document = json::Document::parse(text);
  if (!document) return document.error();
  const json::Value root = document.value().root();
  for (std::size_t i = 0; i < root.size(); ++i) {
    const json::Value element = *root.element(i);
    if (!element.is_string()) {
      return Error{ErrorClass::configuration, "a list of sources holds something that is no text", {}, {}};
    }
    sources.emplace_back(element.string());
  }
  return sources;
}

Result<std::vector<RuleText>> written_rules(const Connection& connection, const std::vector<FieldRow>& rows,
                                            std::string_view resource, std::string_view direction,
                                            bool with_defaults) {
  const ResourceSpec* spec = connection.descriptor->resource(resource);
  Result<std::vector<RuleText>> own = own_rules(rows, resource, direction);
  if (!own || !with_defaults || spec == nullptr) return own;
  return overlay_texts(*spec, std::move(own).value(), direction);
}

Status overlay_rules(const ResourceSpec& spec, const std::vector<FieldRow>& rows,
                     const std::shared_ptr<const mapping::Environment>& environment, ResourceMaps& maps) {
  Result<std::vector<RuleText>> own_inbound = resolved_rules(spec, rows, "inbound");
  if (!own_inbound) return std::move(own_inbound).error();
  maps.mapped_id = sources_of(own_inbound.value(), source_key(spec.name));
  maps.updated_at = sources_of(own_inbound.value(), "source_updated_at");
  maps.mapped_reference = sources_of(own_inbound.value(), "reference");
  Result<std::vector<mapping::Rule>> inbound =
      compile_over_defaults(spec, std::move(own_inbound).value(), "inbound");
  if (!inbound) return std::move(inbound).error();
  maps.inbound = mapping::FieldMap(std::move(inbound).value(), environment);

  Result<std::vector<RuleText>> own_outbound = resolved_rules(spec, rows, "outbound");
  if (!own_outbound) return std::move(own_outbound).error();
  Result<std::vector<mapping::Rule>> outbound =
      compile_over_defaults(spec, std::move(own_outbound).value(), "outbound");
  if (!outbound) return std::move(outbound).error();
  maps.outbound = mapping::FieldMap(std::move(outbound).value(), environment);
  for (const mapping::Rule& rule : maps.inbound.rules()) {
    if (rule.target != "reference" || !maps.mapped_reference.empty()) continue;
    maps.mapped_reference = rule.sources;
  }
  return read_owners(rows, spec.name, maps);
}

Status overlay_values(const ResourceSpec& spec, const std::vector<ValueRow>& rows,
                      const std::vector<LearntValue>& learnt, ResourceMaps& maps) {
  std::set<std::string, std::less<>> vocabularies;
  for (const auto& [vocabulary, values] : spec.values) vocabularies.insert(vocabulary);
  for (const LearnSpec& learn : spec.learn) vocabularies.insert(learn.vocabulary);
  for (const ValueRow& row : rows) {
    if (row.direction == "row") continue;  // of application tables, not between hub and provider
    if (row.resource == spec.name) vocabularies.insert(row.vocabulary);
    if (row.direction != "inbound" && row.direction != "outbound") {
      return Error{
          ErrorClass::configuration, "unknown direction \"" + row.direction + "\" of a value map", {}, {}};
    }
  }
  static const ValuesSpec none;
  for (const std::string& vocabulary : vocabularies) {
    const auto defaults = spec.values.find(vocabulary);
    const ValuesSpec& values = defaults == spec.values.end() ? none : defaults->second;
    const ValueMap inbound = merge(rows_of(rows, spec.name, vocabulary, "inbound"), values.inbound);
    std::vector<ValueRule> own = rows_of(rows, spec.name, vocabulary, "outbound");
    const bool is_learnt = std::any_of(spec.learn.begin(), spec.learn.end(),
                                       [&](const LearnSpec& each) { return each.vocabulary == vocabulary; });
    std::vector<ValueRule> weak = values.outbound;
    if (is_learnt) {
      const Learnt known(learnt, vocabulary);
      known.names_to_ids(own);
      known.names_to_ids(weak);
      const ValueMap weak_map = merge({}, weak);
      for (ValueRule& rule : known.outbound(inbound)) {
        if (!weak_map.find_stated(rule.source)) weak.push_back(std::move(rule));
      }
    }
    maps.outbound_values.insert_or_assign(vocabulary, merge(own, weak));
    maps.inbound_values.insert_or_assign(vocabulary, inbound);
  }
  return Nothing{};
}

}  // namespace cmms::provider
