// Rela's short-hand: {"title": "KTEXT"}, record field -> provider field, turned into rules for both
// directions.
#include "core/mapping/short_hand.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "core/json/text.hpp"
#include "core/mapping/mapping.hpp"

namespace cmms::mapping {
namespace {

constexpr std::size_t max_members = 200;
constexpr std::size_t max_rules = 400;  // what is written back may be more than was read

enum class Type : std::uint8_t { text, timestamp, number, status, priority };
enum class Flow : std::uint8_t { both, inbound_only };  // inbound only: the provider owns it

struct RecordField {
  std::string_view name;
  Type type = Type::text;
  Flow flow = Flow::both;
};

constexpr std::array<RecordField, 37> record_fields{{
    {"source_work_order_id", Type::text, Flow::inbound_only},
    {"identifier"},
    {"title"},
    {"description"},
    {"work_type"},
    {"issue_type"},
    {"asset_ref"},
    {"location_ref"},
    {"requester"},
    {"assignees"},
    {"vendors"},
    {"common_status", Type::status},
    {"source_status", Type::text, Flow::inbound_only},
    {"source_allowed_statuses", Type::status, Flow::inbound_only},
    {"priority", Type::priority},
    {"source_priority", Type::text, Flow::inbound_only},
    {"planned_start_at", Type::timestamp},
    {"planned_end_at", Type::timestamp},
    {"actual_start_at", Type::timestamp},
    {"actual_end_at", Type::timestamp},
    {"sla_due_at", Type::timestamp},
    {"assigned_at", Type::timestamp},
    {"acknowledged_at", Type::timestamp},
    {"started_at", Type::timestamp},
    {"completed_at", Type::timestamp},
    {"closed_at", Type::timestamp},
    {"labor_cost", Type::number},
    {"material_cost", Type::number},
    {"total_cost", Type::number},
    {"currency"},
    {"nte_limit", Type::number},
    {"nte_limit_original", Type::number},
    {"nte_currency"},
    {"metadata"},
    {"source_updated_at", Type::timestamp, Flow::inbound_only},
    {"source_revision", Type::text, Flow::inbound_only},
    {"reference", Type::text, Flow::inbound_only},
}};

struct Alias {
  std::string_view name;
  std::string_view field;
};

constexpr std::array<Alias, 7> aliases{{
    {"id", "source_work_order_id"},
    {"asset_id", "asset_ref"},
    {"location_id", "location_ref"},
    {"status", "common_status"},
    {"scheduled_date", "planned_start_at"},
    {"due_date", "sla_due_at"},
    {"updated_at", "source_updated_at"},
}};

Error invalid(std::string message, std::string hint = {}) {
  return {ErrorClass::configuration, std::move(message), {}, std::move(hint)};
}

// Of the records beside work orders: what is no plain text, and the provider's id. Their other columns are
// known to the database alone.
constexpr std::array<RecordField, 20> other_fields{{
    {"source_asset_id", Type::text, Flow::inbound_only},
    {"source_part_id", Type::text, Flow::inbound_only},
    {"source_part_transaction_id", Type::text, Flow::inbound_only},
    {"source_person_id", Type::text, Flow::inbound_only},
    {"source_comment_id", Type::text, Flow::inbound_only},
    {"source_updated_at", Type::timestamp, Flow::inbound_only},
    {"source_revision", Type::text, Flow::inbound_only},
    {"reference", Type::text, Flow::inbound_only},
    {"unit_price", Type::number},
    {"stock_quantity", Type::number},
    {"minimum_stock", Type::number},
    {"maximum_stock", Type::number},
    {"replenishment_lot", Type::number},
    {"quantity", Type::number},
    {"previous_stock", Type::number},
    {"stock", Type::number},
    {"threshold", Type::number},
    {"time_spent_minutes", Type::number},
    {"occurred_at", Type::timestamp},
    {"completed_at", Type::timestamp},
}};

constexpr std::array<std::string_view, 5> other_resources{"asset", "part", "part_transaction", "person",
                                                          "comment"};

bool is_other(std::string_view resource) {
  return std::find(other_resources.begin(), other_resources.end(), resource) != other_resources.end();
}

template <std::size_t Size>
std::optional<RecordField> find_in(const std::array<RecordField, Size>& fields, std::string_view name) {
  const auto found =
      std::find_if(fields.begin(), fields.end(), [&](const RecordField& each) { return each.name == name; });
  return found == fields.end() ? std::nullopt : std::optional(*found);
}

// "source_part_id" for "id" of a part.
std::string_view source_key(std::string_view resource) {
  const auto found = std::find_if(other_fields.begin(), other_fields.end(), [&](const RecordField& each) {
    return each.name == "source_" + std::string(resource) + "_id";
  });
  return found->name;
}

std::optional<RecordField> find_field(std::string_view name, std::string_view resource) {
  if (is_other(resource)) {
    if (name == "id") name = source_key(resource);
    if (name == "updated_at") name = "source_updated_at";
    const std::optional<RecordField> found = find_in(other_fields, name);
    return found ? found : std::optional(RecordField{name});
  }
  const auto alias =
      std::find_if(aliases.begin(), aliases.end(), [&](const Alias& each) { return each.name == name; });
  return find_in(record_fields, alias != aliases.end() ? alias->field : name);
}

std::string known_fields() {
  std::string list = "Fields are ";
  for (const RecordField& field : record_fields) {
    if (&field != &record_fields.front()) list.append(", ");
    list.append(field.name);
  }
  list.append("; also ");
  for (const Alias& alias : aliases) {
    if (&alias != &aliases.front()) list.append(", ");
    list.append(alias.name).append(" for ").append(alias.field);
  }
  return list + ".";
}

std::string_view default_transform(Type type) {
  switch (type) {
    case Type::text:
      return "";
    case Type::timestamp:
      return "timestamp";
    case Type::number:
      return "number";
    case Type::status:
      return "map status";
    case Type::priority:
      return "map priority";
  }
  return "";
}

// The right-hand side of one member; its target is not set.
using Entry = RuleText;

Status read_sources(std::string_view name, const json::Value& value, Entry& entry) {
  entry.sources.clear();
  if (value.is_string()) {
    entry.sources.emplace_back(value.string());
    return Nothing{};
  }
  for (std::size_t i = 0; value.is_array() && i < value.size(); ++i) {
    const auto source = value.element(i);
    if (!source || !source->is_string()) break;
    entry.sources.emplace_back(source->string());
  }
  if (!value.is_null() && (entry.sources.empty() || entry.sources.size() != value.size())) {
    return invalid("the source of field " + json::quote_clipped(name) + " is not a path or a list of paths");
  }
  return Nothing{};
}

Status read_option(std::string_view name, std::string_view option, const json::Value& value, Entry& entry) {
  if (option == "source") return read_sources(name, value, entry);
  if (option == "transform") {
    if (!value.is_string())
      return invalid("the transform of field " + json::quote_clipped(name) + " is not a text");
    entry.transform = value.string();
  } else if (option == "required") {
    if (value.kind() != json::Kind::boolean) {
      return invalid("\"required\" of field " + json::quote_clipped(name) + " is not true or false");
    }
    entry.required = value.boolean();
  } else if (option == "default") {
    entry.default_value = json::Field::from(value);
  } else {
    return invalid("unknown option " + json::quote_clipped(option) + " of field " + json::quote_clipped(name),
                   "Options are source, transform, required and default.");
  }
  return Nothing{};
}

Result<Entry> read_entry(std::string_view name, const RecordField& field, const json::Value& value) {
  Entry entry;
  entry.transform = default_transform(field.type);
  Status status = Nothing{};
  if (value.is_object()) {
    value.each_member([&](std::string_view option, const json::Value& member) {
      status = read_option(name, option, member, entry);
      return status.ok();
    });
    if (status.ok() && entry.sources.empty() && !entry.default_value) {
      return invalid("field " + json::quote_clipped(name) + " has neither a source nor a default");
    }
  } else {
    status = read_sources(name, value, entry);
  }
  if (!status) return std::move(status).error();
  return entry;
}

bool maps_values(const TransformChain& chain) {
  return std::any_of(chain.begin(), chain.end(),
                     [](const Transform& transform) { return transform.definition->name == "map"; });
}

// A member of "rules": a rule of one direction, with everything that a row of cmms.field_map can say.
struct SingleRule {
  std::string direction;
  RuleText text;
};

std::optional<OnOperation> on_operation(std::string_view name) {
  if (name == "always") return OnOperation::always;
  if (name == "create") return OnOperation::create;
  if (name == "update") return OnOperation::update;
  return std::nullopt;
}

Status read_rule_option(std::string_view option, const json::Value& value, SingleRule& rule) {
  const std::string_view text = value.is_string() ? value.string() : std::string_view();
  if (option == "direction") {
    rule.direction = text;
  } else if (option == "target") {
    rule.text.target = text;
  } else if (option == "on_operation") {
    const auto operation = on_operation(text);
    if (!operation)
      return invalid("unknown operation " + json::quote_clipped(text) + " of a rule",
                     "Operations are always, create and update.");
    rule.text.on_operation = *operation;
  } else if (option == "owner") {
    if (text != "provider" && text != "hub" && text != "newest" && text != "manual") {
      return invalid("unknown owner " + json::quote_clipped(text) + " of a rule",
                     "Owners are provider, hub, newest and manual.");
    }
    rule.text.owner = text == "newest" ? "" : text;
  } else if (option == "source" || option == "transform" || option == "required" || option == "default") {
    return read_option(rule.text.target, option, value, rule.text);
  } else {
    return invalid(
        "unknown option " + json::quote_clipped(option) + " of a rule",
        "Options are direction, target, source, transform, required, default, on_operation and owner.");
  }
  return Nothing{};
}

Result<SingleRule> read_rule(const json::Value& value) {
  SingleRule rule;
  if (const auto target = value.member("target"); target && target->is_string()) {
    rule.text.target = target->string();  // named in the errors of the others
  }
  Status status = Nothing{};
  value.each_member([&](std::string_view option, const json::Value& member) {
    status = read_rule_option(option, member, rule);
    return status.ok();
  });
  if (!status) return std::move(status).error();
  if (rule.text.target.empty() || (rule.direction != "inbound" && rule.direction != "outbound")) {
    return invalid("a rule has no target or no direction",
                   "Write {\"direction\": \"outbound\", \"target\": \"plant\", \"default\": \"HH-1\"}; "
                   "directions are inbound and outbound.");
  }
  return rule;
}

bool is_switch_off(const RuleText& rule) { return rule.sources.empty() && !rule.default_value; }

// A rule takes the place of the one that short-hand made for its target.
Status add_rules(const json::Value& rules, ShortHand& short_hand) {
  if (!rules.is_array()) return invalid("\"rules\" of a field mapping is not a list");
  if (rules.size() > max_rules) return invalid("field mapping has more than 400 rules");
  for (std::size_t i = 0; i < rules.size(); ++i) {
    Result<SingleRule> read = read_rule(*rules.element(i));
    if (!read) return std::move(read).error();
    SingleRule rule = std::move(read).value();
    if (!is_switch_off(rule.text)) {
      if (Result<Rule> compiled = compile_rule(rule.text); !compiled) return std::move(compiled).error();
    }
    std::vector<RuleText>& list = rule.direction == "inbound" ? short_hand.inbound : short_hand.outbound;
    const auto existing = std::find_if(list.begin(), list.end(),
                                       [&](const RuleText& each) { return each.target == rule.text.target; });
    if (existing == list.end()) {
      list.push_back(std::move(rule.text));
    } else {
      *existing = std::move(rule.text);
    }
  }
  return Nothing{};
}

class Builder {
 public:
  explicit Builder(std::string_view resource) : resource_(resource) {}

  Status add(std::string_view name, const json::Value& value) {
    const std::optional<RecordField> field = find_field(name, resource_);
    if (!field) return invalid("unknown work order field " + json::quote_clipped(name), known_fields());
    if (has_target(field->name))
      return invalid("field " + json::quote_clipped(field->name) + " is mapped twice");
    Result<Entry> entry = read_entry(name, *field, value);
    if (!entry) return std::move(entry).error();
    return add_rules(*field, std::move(entry).value());
  }

  // The provider's own word for a mapped status or priority is kept beside ours.
  ShortHand finish() {
    keep_original("common_status", "source_status");
    keep_original("priority", "source_priority");
    return std::move(rules_);
  }

 private:
  const RuleText* inbound_rule(std::string_view target) const {
    const auto found = std::find_if(rules_.inbound.begin(), rules_.inbound.end(),
                                    [&](const RuleText& rule) { return rule.target == target; });
    return found == rules_.inbound.end() ? nullptr : &*found;
  }

  bool has_target(std::string_view target) const { return inbound_rule(target) != nullptr; }

  Status add_rules(const RecordField& field, Entry entry) {
    RuleText inbound;
    inbound.target = field.name;
    inbound.sources = entry.sources;
    inbound.transform = entry.transform;
    inbound.required = entry.required;
    inbound.default_value = entry.default_value;
    if (is_switch_off(entry)) {  // {"title": null} switches a default rule off
      rules_.inbound.push_back(std::move(inbound));
      return Nothing{};
    }
    Result<Rule> compiled = compile_rule(inbound);
    if (!compiled) return std::move(compiled).error();
    const Rule& rule = compiled.value();

    // What is read from an array cannot be written to one place.
    const bool writable = !rule.sources.empty() && rule.sources.front().members_only();
    const std::optional<std::string> way_back = inverse_chain(rule.transforms, entry.transform);
    if (field.flow == Flow::both && writable && way_back) {
      RuleText outbound;
      outbound.target = entry.sources.front();
      for (const RuleText& other : rules_.outbound) {
        if (other.target == outbound.target) return written_twice(field.name, other);
      }
      outbound.sources = {std::string(field.name)};
      outbound.transform = *way_back;
      outbound.required = entry.required;
      // The default is a record value: it fits the provider only where values are not translated.
      if (!maps_values(rule.transforms)) outbound.default_value = entry.default_value;
      rules_.outbound.push_back(std::move(outbound));
    }
    rules_.inbound.push_back(std::move(inbound));
    return Nothing{};
  }

  static Error written_twice(std::string_view name, const RuleText& other) {
    return invalid("fields " + json::quote_clipped(other.sources.front()) + " and " +
                       json::quote_clipped(name) + " would both be written to " +
                       json::quote_clipped(other.target),
                   "Give one of them in \"rules\", for the inbound direction alone.");
  }

  void keep_original(std::string_view mapped, std::string_view original) {
    const RuleText* rule = inbound_rule(mapped);
    if (rule == nullptr || rule->sources.empty() || has_target(original)) return;
    RuleText copy;
    copy.target = original;
    copy.sources = rule->sources;
    rules_.inbound.push_back(std::move(copy));
  }

  std::string_view resource_;
  ShortHand rules_;
};

}  // namespace

Result<ShortHand> parse_short_hand(const json::Value& document, std::string_view resource) {
  static constexpr std::string_view form_hint =
      "Write {\"title\": \"KTEXT\"}, or the same inside {\"work_order\": {...}}.";
  if (!document.is_object()) return invalid("field mapping is not a JSON object", std::string(form_hint));
  json::Value members = document;
  std::optional<json::Value> rules;
  for (const std::string_view level : {resource, std::string_view("work_order")}) {
    const auto nested = document.member(level);
    // A field may be called like the resource: {"ticket": {"source": ...}} is a field.
    if (nested && nested->is_object() && !nested->member("source")) {
      members = *nested;
      rules = document.member("rules");
      break;
    }
  }
  if (members.size() == 0 && !rules) return invalid("field mapping is empty", std::string(form_hint));
  if (members.size() > max_members) return invalid("field mapping has more than 200 fields");

  Builder builder(resource);
  Status status = Nothing{};
  members.each_member([&](std::string_view name, const json::Value& value) {
    status = builder.add(name, value);
    return status.ok();
  });
  if (!status) return std::move(status).error();
  ShortHand short_hand = builder.finish();
  if (rules) status = add_rules(*rules, short_hand);
  if (!status) return std::move(status).error();
  return short_hand;
}

ShortName short_name(std::string_view target, std::string_view resource) {
  const std::optional<RecordField> field = find_field(target, resource);
  if (!field || field->name != target) return {};
  const std::string_view transform = default_transform(field->type);
  if (is_other(resource)) return {target == source_key(resource) ? "id" : target, transform};
  const auto alias =
      std::find_if(aliases.begin(), aliases.end(), [&](const Alias& each) { return each.field == target; });
  return {alias == aliases.end() ? field->name : alias->name, transform};
}

}  // namespace cmms::mapping
