// Descriptions, part by part.
#include "core/provider/describe.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <set>

namespace cmms::provider {
namespace {

using Rows = std::vector<DescriptionRow>;

template <class List>
std::string join(const List& list, std::string_view separator) {
  std::string text;
  for (const auto& each : list) {
    if (!text.empty()) text += separator;
    text += each;
  }
  return text;
}

// "a; b", without the parts that are empty.
void add_part(std::string& text, const std::string& part) {
  if (part.empty()) return;
  if (!text.empty()) text += "; ";
  text += part;
}

std::string allowed_values(const OptionSpec& spec) {
  if (!spec.values.empty()) return join(spec.values, ", ");
  if (spec.format == ValueFormat::text) return {};
  std::string text(value_format_name(spec.format));
  if (spec.minimum && spec.maximum) {
    return text + ", " + std::to_string(*spec.minimum) + " to " + std::to_string(*spec.maximum);
  }
  if (spec.minimum) text += ", at least " + std::to_string(*spec.minimum);
  if (spec.maximum) text += ", at most " + std::to_string(*spec.maximum);
  return text;
}

void describe_options(const std::vector<OptionSpec>& specs, std::string_view kind, Rows& rows) {
  for (const OptionSpec& spec : specs) {
    rows.push_back({.kind = kind,
                    .resource = {},
                    .name = spec.name,
                    .required = spec.required,
                    .default_value = spec.default_value,
                    .allowed = allowed_values(spec),
                    .description = spec.description});
  }
}

// A named strategy with its parameters: AuthenticationSpec, SessionSpec.
template <class Spec>
void describe_style(const Spec& spec, std::string_view kind, Rows& rows) {
  std::vector<std::string> parameters;
  for (const auto& [name, value] : spec.parameters) parameters.push_back(name + " " + value);
  rows.push_back({.kind = kind, .resource = {}, .name = spec.style, .description = join(parameters, ", ")});
}

std::string where_set(const std::string& condition) {
  return condition.empty() ? std::string() : "where \"" + condition + "\" has a value";
}

std::string query_text(const std::vector<Parameter>& query) {
  std::string text;
  for (const Parameter& each : query) {
    text += text.empty() ? "?" : "&";
    text += each.name + "=" + each.value;
  }
  return text;
}

std::string request_text(const OperationSpec& operation) {
  if (!operation.unsupported.empty()) return "unsupported: " + operation.unsupported;
  std::string text = operation.method + " " + operation.path + query_text(operation.query);
  if (!operation.envelope.empty()) add_part(text, "body inside " + operation.envelope);
  if (operation.bulk) add_part(text, "up to " + operation.bulk->max_items + " at once");
  if (operation.is_accepted) add_part(text, "accepted, done later");
  if (operation.repeatable) add_part(text, "repeatable");
  if (!operation.lock.empty()) add_part(text, "lock " + operation.lock);
  if (!operation.check.empty()) add_part(text, "check " + operation.check);
  if (!operation.quota.empty()) add_part(text, "at most " + operation.quota + " in a month");
  if (!operation.session_path.empty()) add_part(text, "session of " + operation.session_path);
  return text;
}

struct NamedOperation {
  std::string_view name;
  std::optional<OperationSpec> ResourceSpec::*operation;
};
constexpr std::array<NamedOperation, 5> operations{{{"create", &ResourceSpec::create},
                                                    {"update", &ResourceSpec::update},
                                                    {"delete", &ResourceSpec::remove},
                                                    {"read", &ResourceSpec::read},
                                                    {"list", &ResourceSpec::list}}};

std::string list_text(const ResourceSpec& spec) {
  return request_text(*spec.list) + "; records at " + join(spec.records, ", ") + "; paging " +
         spec.paging.style;
}

std::string poll_text(const ChangedSinceSpec& changed_since) {
  std::vector<Parameter> query{{changed_since.parameter, changed_since.value}};
  query.insert(query.end(), changed_since.query.begin(), changed_since.query.end());
  return "list with " + query_text(query);
}

std::string read_batch_text(const ReadBatchSpec& batch) {
  return "list with " + query_text({{batch.parameter, batch.each + batch.join + "..."}}) + "; up to " +
         std::to_string(batch.max_items) + " at once";
}

std::string lookup_text(const LookupSpec& lookup) {
  std::string text =
      lookup.operation ? request_text(*lookup.operation) : "list with " + query_text(lookup.query);
  if (!lookup.newest_first.empty()) add_part(text, "the newest first, by " + lookup.newest_first);
  add_part(text, where_set(lookup.enabled));
  return text;
}

// What can be done with a resource, each with how it is done.
Rows actions_of(const ResourceSpec& spec) {
  Rows rows;
  const auto add = [&](std::string_view name, std::string description) {
    rows.push_back({.kind = "action",
                    .resource = spec.name,
                    .name = std::string(name),
                    .description = std::move(description)});
  };
  for (const NamedOperation& each : operations) {
    const std::optional<OperationSpec>& operation = spec.*each.operation;
    if (!operation) continue;
    add(each.name, each.name == "list" ? list_text(spec) : request_text(*operation));
  }
  for (const WriteSpec& write : spec.updates) {
    add(write.name, "update of " + join(write.fields, ", ") + ": " + request_text(write.operation));
  }
  if (spec.read_batch.max_items > 0) add("read many", read_batch_text(spec.read_batch));
  if (spec.changed_since) add("poll", poll_text(*spec.changed_since));
  if (spec.poll == "whole") add("poll", "the whole list");
  if (spec.lookup) add("look up", lookup_text(*spec.lookup));
  if (spec.status_actions) {
    for (const StatusAction& action : spec.status_actions->actions) {
      add(action.name,
          join(action.from, " or ") + " to " + action.to + ": " + request_text(action.operation));
    }
  }
  if (spec.companion) {
    add("companion", "a " + spec.companion->resource + " first, " + where_set(spec.companion->enabled) +
                         "; named in " + spec.companion->target);
  }
  return rows;
}

// The words that a rule's "map <vocabulary>" gives.
std::string mapped_words(const ResourceSpec& spec, const mapping::RuleText& rule,
                         std::vector<mapping::ValueRule> ValuesSpec::*direction) {
  std::set<std::string> words;
  for (const auto& [vocabulary, values] : spec.values) {
    if (rule.transform.find("map " + vocabulary) == std::string::npos) continue;
    for (const mapping::ValueRule& value : values.*direction) words.insert(value.target);
  }
  return join(words, ", ");
}

std::string rule_text(const mapping::RuleText& rule) {
  std::string text;
  if (!rule.sources.empty()) text = "from " + join(rule.sources, " or ");
  add_part(text, rule.transform);
  if (rule.on_operation == mapping::OnOperation::create) add_part(text, "at a create only");
  if (rule.on_operation == mapping::OnOperation::update) add_part(text, "at an update only");
  return text;
}

void describe_rules(const ResourceSpec& spec, std::string_view kind,
                    const std::vector<mapping::RuleText>& rules,
                    std::vector<mapping::ValueRule> ValuesSpec::*direction, Rows& rows) {
  const bool is_outbound = direction == &ValuesSpec::outbound;
  for (const mapping::RuleText& rule : rules) {
    std::string text = rule_text(rule);
    const auto when = spec.outbound_when.find(rule.target);
    if (is_outbound && when != spec.outbound_when.end()) add_part(text, where_set(when->second));
    rows.push_back(
        {.kind = kind,
         .resource = spec.name,
         .name = rule.target,
         .required = rule.required,
         .default_value = rule.default_value ? std::optional(rule.default_value->to_json()) : std::nullopt,
         .allowed = mapped_words(spec, rule, direction),
         .description = std::move(text)});
  }
}

void describe_aliases(const ResourceSpec& spec, Rows& rows) {
  for (const auto& [name, alias] : spec.aliases) {
    std::string text;
    if (alias.inbound == alias.outbound) {
      text = "stands for " + alias.inbound;
    } else {
      if (!alias.inbound.empty()) add_part(text, "inbound " + alias.inbound);
      if (!alias.outbound.empty()) add_part(text, "outbound " + alias.outbound);
    }
    rows.push_back({.kind = "alias", .resource = spec.name, .name = name, .description = std::move(text)});
  }
}

void describe_resource(const ResourceSpec& spec, Rows& rows) {
  Rows actions = actions_of(spec);
  std::vector<std::string> names;
  for (const DescriptionRow& action : actions) names.push_back(action.name);
  rows.push_back(
      {.kind = "resource", .resource = spec.name, .name = spec.name, .description = join(names, ", ")});
  std::move(actions.begin(), actions.end(), std::back_inserter(rows));
  describe_rules(spec, "parameter", spec.outbound, &ValuesSpec::outbound, rows);
  describe_rules(spec, "field", spec.inbound, &ValuesSpec::inbound, rows);
  describe_aliases(spec, rows);
}

// A row for each record that an event carries.
void describe_webhook(const WebhookSpec& webhook, Rows& rows) {
  if (!webhook.signature.empty()) {
    rows.push_back({.kind = "signature",
                    .resource = {},
                    .name = webhook.signature,
                    .description = "of events, unless the option webhook_scheme says otherwise"});
  }
  for (const auto& [event, records] : webhook.events) {
    for (const WebhookRecordSpec& record : records) {
      std::string text;
      if (record.read_back) add_part(text, "is read at the provider");
      for (const mapping::MappedField& field : record.fields) {
        add_part(text, field.target + " = " + field.value.text);
      }
      rows.push_back({.kind = "event",
                      .resource = record.resource,
                      .name = event.empty() ? "(without a name)" : event,
                      .description = std::move(text)});
    }
  }
}

}  // namespace

std::vector<DescriptionRow> describe(const Descriptor& descriptor) {
  Rows rows;
  describe_options(descriptor.options, "option", rows);
  describe_options(descriptor.credentials, "credential", rows);
  for (const AuthenticationSpec& spec : descriptor.authentication)
    describe_style(spec, "authentication", rows);
  if (descriptor.session) describe_style(*descriptor.session, "session", rows);
  for (const auto& [name, spec] : descriptor.resources) describe_resource(spec, rows);
  if (descriptor.webhook) describe_webhook(*descriptor.webhook, rows);
  return rows;
}

}  // namespace cmms::provider
