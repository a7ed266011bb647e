// The part of a descriptor that describes resources, their operations and maps.
#include <algorithm>
#include <array>
#include <set>

#include "core/json/field.hpp"
#include "core/provider/descriptor_reader.hpp"

namespace cmms::provider {
namespace {

constexpr std::int64_t max_read_batch = 1000;

void read_operation_members(Members& members, OperationSpec& operation) {
  operation.method = members.text("method", true);
  operation.path = members.text("path", true);
  operation.query = members.parameters("query");
  operation.headers = members.parameters("headers");
  operation.omit_headers = members.texts("omit_headers");
  operation.session_path = members.text("session_path");
}

void read_body(DescriptorReader& reader, Members& members, OperationSpec& operation) {
  const std::string body = members.text("body");
  operation.has_body = body.empty();
  if (!body.empty() && body != "none") reader.fail(members.at("body"), "must be none");
}

using RuleConditions = std::map<std::string, std::string, std::less<>>;
std::vector<mapping::RuleText> read_rules(DescriptorReader& reader, Members& fields, std::string_view name,
                                          RuleConditions* conditions = nullptr);

void read_bulk(DescriptorReader& reader, Members& operation, OperationSpec& spec) {
  const std::optional<json::Value> value = operation.take_object("bulk");
  if (!value) return;
  Members members(reader, *value, operation.at("bulk"));
  BulkSpec bulk;
  bulk.max_items = members.text("max_items", true);
  const std::int64_t bytes = members.integer("max_bytes").value_or(BulkSpec::default_bytes);
  if (bytes < 1) reader.fail(members.at("max_bytes"), "must be positive");
  bulk.max_bytes = static_cast<std::size_t>(std::max<std::int64_t>(bytes, 1));
  bulk.key = read_rules(reader, members, "key");
  bulk.whole = members.texts("whole");
  bulk.id_sent = members.texts("id_sent");
  bulk.results = members.texts("results");
  bulk.status = members.texts("item_status");
  bulk.message = members.texts("item_message");
  bulk.errors = members.texts("item_errors");
  bulk.id = members.texts("item_id");
  bulk.error_index = members.texts("error_index");
  members.finish();
  if (!bulk.results.empty() && bulk.status.empty())
    reader.fail(members.at("results"), "needs \"item_status\"");
  spec.bulk = std::move(bulk);
}

std::optional<OperationSpec> read_write_operation(DescriptorReader& reader, Members& resource,
                                                  std::string_view name) {
  const std::optional<json::Value> value = resource.take_object(name);
  if (!value) return std::nullopt;
  Members members(reader, *value, resource.at(name));
  OperationSpec operation;
  operation.unsupported = members.text("unsupported");
  if (!operation.unsupported.empty()) {
    members.finish();
    return operation;
  }
  read_operation_members(members, operation);
  operation.envelope = members.text("envelope");
  read_body(reader, members, operation);
  if (const std::string answer = members.text("answer"); answer == "accepted") {
    operation.is_accepted = true;
  } else if (!answer.empty()) {
    reader.fail(members.at("answer"), "must be accepted");
  }
  operation.lock = members.text("lock");
  operation.id_from_location = members.boolean("id_from_location");
  operation.check = members.text("check");
  operation.quota = members.text("quota");
  operation.repeatable = members.boolean("repeatable");
  read_bulk(reader, members, operation);
  members.finish();
  return operation;
}

void read_updates(DescriptorReader& reader, Members& resource, ResourceSpec& spec) {
  const std::optional<json::Value> value = resource.take("updates");
  if (!value) return;
  if (!value->is_array()) reader.fail(resource.at("updates"), "must be an array");
  for (std::size_t i = 0; i < value->size() && value->is_array(); ++i) {
    Members members(reader, *value->element(i), resource.at("updates") + "[" + std::to_string(i) + "]");
    WriteSpec write;
    write.name = members.text("name", true);
    write.fields = members.texts("fields");
    write.outbound = read_rules(reader, members, "outbound");
    read_operation_members(members, write.operation);
    write.operation.envelope = members.text("envelope");
    write.operation.quota = members.text("quota");
    read_bulk(reader, members, write.operation);
    members.finish();
    if (write.fields.empty()) reader.fail(members.at("fields"), "is missing");
    if (!write.operation.bulk) reader.fail(members.at("bulk"), "is missing");
    spec.updates.push_back(std::move(write));
  }
}

PagingSpec read_paging(DescriptorReader& reader, const json::Value& value, const std::string& at) {
  PagingSpec paging;
  if (!value.is_object()) reader.fail(at, "must be an object");
  value.each_member([&](std::string_view name, const json::Value& member) {
    if (!member.is_string()) {
      reader.fail(member_path(at, name), "must be a string");
      return false;
    }
    if (name == "style") {
      paging.style = std::string(member.string());
    } else if (name != "note") {
      paging.parameters.emplace(name, member.string());
    }
    return true;
  });
  return paging;
}

StatusAction read_status_action(DescriptorReader& reader, const json::Value& value, const std::string& at) {
  Members members(reader, value, at);
  StatusAction action;
  action.name = members.text("name", true);
  action.from = members.texts("from");
  action.to = members.text("to", true);
  read_operation_members(members, action.operation);
  read_body(reader, members, action.operation);
  members.finish();
  if (action.from.empty()) reader.fail(members.at(), "member \"from\" is missing");
  return action;
}

void read_status_actions(DescriptorReader& reader, Members& resource, ResourceSpec& spec) {
  const std::optional<json::Value> value = resource.take_object("status_actions");
  if (!value) return;
  Members members(reader, *value, resource.at("status_actions"));
  StatusActionsSpec status;
  status.status = members.texts("status");
  status.states = members.texts("states");
  status.initial = members.text("initial", true);
  status.deleted = members.text("deleted");
  status.read_only = members.texts("read_only");
  const std::optional<json::Value> actions = members.take("actions");
  if (!actions || !actions->is_array() || actions->size() == 0) {
    reader.fail(members.at("actions"), "must be an array of actions");
  }
  for (std::size_t i = 0; actions && i < actions->size() && actions->is_array(); ++i) {
    const std::string at = members.at("actions") + "[" + std::to_string(i) + "]";
    status.actions.push_back(read_status_action(reader, *actions->element(i), at));
  }
  members.finish();
  if (status.status.empty()) reader.fail(members.at(), "member \"status\" is missing");
  if (!spec.read) reader.fail(members.at(), "needs the operation \"read\"");
  spec.status_actions = std::move(status);
}

void read_companion(DescriptorReader& reader, Members& resource, ResourceSpec& spec) {
  const std::optional<json::Value> value = resource.take_object("companion");
  if (!value) return;
  Members members(reader, *value, resource.at("companion"));
  CompanionSpec companion;
  companion.resource = members.text("resource", true);
  companion.enabled = members.text("enabled", true);
  companion.target = members.text("target", true);
  companion.record_id = members.text("record_id", true);
  members.finish();
  spec.companion = std::move(companion);
}

void read_read_batch(DescriptorReader& reader, Members& resource, ResourceSpec& spec) {
  const std::optional<json::Value> value = resource.take_object("read_batch");
  if (!value) return;
  Members members(reader, *value, resource.at("read_batch"));
  const std::int64_t max_items = members.integer("max_items").value_or(0);
  if (max_items < 1 || max_items > max_read_batch) {
    reader.fail(members.at("max_items"), "must be 1 to " + std::to_string(max_read_batch));
  }
  spec.read_batch.max_items = static_cast<int>(max_items);
  spec.read_batch.parameter = members.text("parameter", true);
  spec.read_batch.each = members.text("each", true);
  spec.read_batch.join = members.text("join", true);
  members.finish();
  if (!spec.list || !spec.read) reader.fail(members.at(), "needs the operations \"list\" and \"read\"");
}

void read_list(DescriptorReader& reader, Members& resource, ResourceSpec& spec) {
  const std::optional<json::Value> value = resource.take_object("list");
  if (!value) return;
  Members members(reader, *value, resource.at("list"));
  OperationSpec operation;
  read_operation_members(members, operation);
  operation.join = members.parameters("join");
  spec.list = std::move(operation);
  spec.records = members.texts("records");
  spec.total = members.texts("total");
  if (const auto paging = members.take("paging"))
    spec.paging = read_paging(reader, *paging, members.at("paging"));
  if (const auto changed = members.take_object("changed_since")) {
    Members since(reader, *changed, members.at("changed_since"));
    ChangedSinceSpec changed_since;
    changed_since.parameter = since.text("parameter", true);
    changed_since.value = since.text("value");
    if (changed_since.value.empty()) changed_since.value = "{cursor}";
    changed_since.query = since.parameters("query");
    since.finish();
    spec.changed_since = std::move(changed_since);
  }
  spec.poll = members.text("poll");
  members.finish();
  if (spec.records.empty()) reader.fail(members.at(), "member \"records\" is missing");
}

std::vector<mapping::RuleText> read_rules(DescriptorReader& reader, Members& fields, std::string_view name,
                                          RuleConditions* conditions) {
  std::vector<mapping::RuleText> rules;
  const std::optional<json::Value> value = fields.take(name);
  if (!value) return rules;
  if (!value->is_array()) reader.fail(fields.at(name), "must be an array");
  for (std::size_t i = 0; i < value->size() && value->is_array(); ++i) {
    Members members(reader, *value->element(i), fields.at(name) + "[" + std::to_string(i) + "]");
    mapping::RuleText rule;
    rule.target = members.text("target", true);
    rule.sources = members.texts("source");
    rule.transform = members.text("transform");
    rule.required = members.boolean("required");
    if (const auto fallback = members.take("default")) rule.default_value = json::Field::from(*fallback);
    const std::string on = members.text("on");
    if (on == "create") {
      rule.on_operation = mapping::OnOperation::create;
    } else if (on == "update") {
      rule.on_operation = mapping::OnOperation::update;
    } else if (!on.empty() && on != "always") {
      reader.fail(members.at("on"), "must be always, create or update");
    }
    if (std::string when = conditions == nullptr ? std::string() : members.text("when"); !when.empty()) {
      conditions->insert_or_assign(rule.target, std::move(when));
    }
    members.finish();
    if (const auto compiled = mapping::compile_rule(rule); !compiled) {
      reader.fail(members.at(), compiled.error().message, compiled.error().hint);
    }
    rules.push_back(std::move(rule));
  }
  return rules;
}

void read_fields(DescriptorReader& reader, Members& resource, ResourceSpec& spec) {
  const std::optional<json::Value> value = resource.take_object("fields");
  if (!value) return;
  Members members(reader, *value, resource.at("fields"));
  spec.outbound_replaceable = members.boolean("outbound_replaceable");
  spec.outbound = read_rules(reader, members, "outbound", &spec.outbound_when);
  spec.inbound = read_rules(reader, members, "inbound");
  members.finish();
}

// {"value": "completed", "match": "contains_code", "precedence": 4}
void read_value_rule(DescriptorReader& reader, const json::Value& value, const std::string& at,
                     mapping::ValueRule& rule) {
  Members members(reader, value, at);
  rule.target = members.text("value", true);
  if (const std::string match = members.text("match"); !match.empty()) {
    const std::optional<mapping::Match> known = mapping::parse_match(match);
    if (!known) reader.fail(members.at("match"), "must be one of " + mapping::match_names());
    rule.match = known.value_or(rule.match);
  }
  rule.precedence = static_cast<int>(members.integer("precedence").value_or(0));
  members.finish();
}

// An object by source value, whose members are the target values or objects that say how to match.
std::vector<mapping::ValueRule> read_value_rules(DescriptorReader& reader, Members& members,
                                                 std::string_view name) {
  std::vector<mapping::ValueRule> rules;
  const std::optional<json::Value> object = members.take_object(name);
  if (!object) return rules;
  object->each_member([&](std::string_view source, const json::Value& value) {
    const std::string at = member_path(members.at(name), source);
    mapping::ValueRule rule{.source = std::string(source), .target = {}};
    if (value.is_string()) {
      rule.target = std::string(value.string());
    } else {
      read_value_rule(reader, value, at, rule);
    }
    if (const Status status = mapping::check_value_rule(rule); !status) {
      reader.fail(at, status.error().message, status.error().hint);
    }
    rules.push_back(std::move(rule));
    return !reader.failed();
  });
  return rules;
}

void read_values(DescriptorReader& reader, Members& resource, ResourceSpec& spec) {
  const std::optional<json::Value> value = resource.take_object("values");
  if (!value) return;
  value->each_member([&](std::string_view vocabulary, const json::Value& member) {
    Members members(reader, member, member_path(resource.at("values"), vocabulary));
    ValuesSpec values;
    values.inbound = read_value_rules(reader, members, "inbound");
    values.outbound = read_value_rules(reader, members, "outbound");
    for (const std::string& same : members.texts("same")) {
      values.inbound.push_back({.source = same, .target = same});
      values.outbound.push_back({.source = same, .target = same});
    }
    members.finish();
    spec.values.emplace(vocabulary, std::move(values));
    return !reader.failed();
  });
}

void read_learn(DescriptorReader& reader, Members& resource, ResourceSpec& spec) {
  const std::optional<json::Value> value = resource.take_object("learn");
  if (!value) return;
  value->each_member([&](std::string_view vocabulary, const json::Value& member) {
    Members members(reader, member, member_path(resource.at("learn"), vocabulary));
    LearnSpec learn;
    learn.vocabulary = std::string(vocabulary);
    learn.id = members.texts("id");
    learn.name = members.texts("name");
    members.finish();
    if (learn.id.empty() || learn.name.empty()) reader.fail(members.at(), "needs \"id\" and \"name\"");
    spec.learn.push_back(std::move(learn));
    return !reader.failed();
  });
}

void read_lookup(DescriptorReader& reader, Members& resource, ResourceSpec& spec) {
  const std::optional<json::Value> value = resource.take_object("lookup");
  if (!value) return;
  Members members(reader, *value, resource.at("lookup"));
  LookupSpec lookup;
  lookup.enabled = members.text("enabled");
  lookup.query = members.parameters("query");
  if (const auto operation = members.take_object("operation")) {
    Members of_operation(reader, *operation, members.at("operation"));
    OperationSpec own;
    read_operation_members(of_operation, own);
    of_operation.finish();
    lookup.operation = std::move(own);
  }
  if (const auto own_paging = members.take("paging")) {
    lookup.paging = read_paging(reader, *own_paging, members.at("paging"));
    if (!lookup.operation) reader.fail(members.at("paging"), "needs an operation of its own");
  }
  lookup.records = members.texts("records");
  lookup.id = members.texts("id");
  lookup.reference = members.texts("reference");
  lookup.newest_first = members.text("newest_first");
  members.finish();
  if (!spec.list && !lookup.operation)
    reader.fail(members.at(), "needs a \"list\" or an operation of its own");
  if (lookup.operation && lookup.records.empty()) reader.fail(members.at(), "member \"records\" is missing");
  spec.lookup = std::move(lookup);
}

void read_reference(DescriptorReader& reader, Members& resource, ResourceSpec& spec) {
  const std::optional<json::Value> value = resource.take_object("reference");
  if (!value) return;
  Members members(reader, *value, resource.at("reference"));
  spec.reference.field = members.text("field", true);
  spec.reference.read = members.texts("read");
  spec.reference.form = members.text("form");
  static const std::set<std::string_view> forms{"", "mark", "plain", "short"};
  if (!forms.contains(spec.reference.form)) reader.fail(members.at("form"), "must be mark, plain or short");
  for (Parameter& parameter : members.parameters("separators")) {
    spec.reference.separators.emplace(std::move(parameter.name), std::move(parameter.value));
  }
  members.finish();
}

// A path of member names; nullopt where it is none.
std::optional<path::Path> member_names(const std::string& text) {
  Result<path::Path> path = path::Path::parse(text);
  if (!path || !path.value().members_only()) return std::nullopt;
  return std::move(path).value();
}

// {"AUFNR": "MaintenanceOrder", "GSTRP": {"inbound": "StartDate", "outbound": "StartDateTime"}}
void read_aliases(DescriptorReader& reader, Members& resource, ResourceSpec& spec) {
  const std::optional<json::Value> object = resource.take_object("aliases");
  if (!object) return;
  object->each_member([&](std::string_view name, const json::Value& value) {
    const std::string at = member_path(resource.at("aliases"), name);
    Alias alias;
    if (value.is_string()) {
      alias.inbound = alias.outbound = std::string(value.string());
    } else {
      Members members(reader, value, at);
      alias.inbound = members.text("inbound");
      alias.outbound = members.text("outbound");
      members.finish();
    }
    if (alias.inbound.empty() && alias.outbound.empty()) reader.fail(at, "stands for nothing");
    for (const std::string* each : {&alias.inbound, &alias.outbound}) {
      if (!each->empty() && !member_names(*each)) reader.fail(at, "must stand for member names");
    }
    spec.aliases.emplace(name, std::move(alias));
    return !reader.failed();
  });
}

}  // namespace

OperationSpec read_operation(Members& members) {
  OperationSpec operation;
  read_operation_members(members, operation);
  return operation;
}

ResourceSpec read_resource(DescriptorReader& reader, std::string_view name, const json::Value& value,
                           const std::string& at) {
  Members members(reader, value, at);
  ResourceSpec spec;
  spec.name = std::string(name);
  spec.create = read_write_operation(reader, members, "create");
  spec.update = read_write_operation(reader, members, "update");
  read_updates(reader, members, spec);
  spec.remove = read_write_operation(reader, members, "delete");
  spec.read = read_write_operation(reader, members, "read");
  read_list(reader, members, spec);
  read_read_batch(reader, members, spec);
  read_companion(reader, members, spec);
  read_status_actions(reader, members, spec);
  read_lookup(reader, members, spec);
  spec.record = members.texts("record");
  spec.id = members.texts("id");
  spec.updated_at = members.texts("updated_at");
  spec.revision = members.texts("revision");
  read_reference(reader, members, spec);
  spec.required = members.texts("required");
  read_aliases(reader, members, spec);
  read_fields(reader, members, spec);
  if (const auto defaults = members.take_object("provider_default")) {
    Members targets(reader, *defaults, members.at("provider_default"));
    defaults->each_member([&](std::string_view target, const json::Value&) {
      spec.provider_default.emplace(target, targets.texts(target));
      return true;
    });
  }
  spec.omit_bad_values = members.texts("omit_bad_values");
  read_learn(reader, members, spec);
  read_values(reader, members, spec);
  members.finish();
  // Rows of one resource are claimed either one by one or many at once.
  if (spec.create && spec.update && spec.create->bulk.has_value() != spec.update->bulk.has_value()) {
    reader.fail(at, "\"create\" and \"update\" must both be bulk operations, or neither");
  }
  if (spec.record.empty()) spec.record.emplace_back("$");
  if (spec.id.empty()) reader.fail(at, "member \"id\" is missing");
  if (spec.changed_since && spec.updated_at.empty()) reader.fail(at, "changed_since needs \"updated_at\"");
  return spec;
}

}  // namespace cmms::provider
