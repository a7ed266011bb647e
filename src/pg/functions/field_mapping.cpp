// cmms.set_field_mapping, cmms.set_row_mapping and cmms.field_mapping: field maps from short-hand JSON and
// back.
#include "pg/prelude.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/json/jansson.hpp"
#include "core/json/text.hpp"
#include "core/sqlstate.hpp"
#include "pg/boundary/guard.hpp"
#include "pg/boundary/result_set.hpp"
#include "pg/boundary/spi.hpp"
#include "pg/catalog/configuration_rows.hpp"
#include "pg/catalog/connection_cache.hpp"
#include "pg/catalog/owner_scope.hpp"
#include "pg/catalog/row_map.hpp"
#include "pg/functions/arguments.hpp"
#include "pg/json/jsonb_reader.hpp"

namespace cmms::pg {
namespace {

using mapping::RuleText;

mapping::ShortHand parse(const json::Value& document, std::string_view resource) {
  Result<mapping::ShortHand> parsed = mapping::parse_short_hand(document, resource);
  if (!parsed) raise(parsed.error());
  return std::move(parsed).value();
}

const char* operation_name(mapping::OnOperation operation) {
  switch (operation) {
    case mapping::OnOperation::always:
      return "always";
    case mapping::OnOperation::create:
      return "create";
    case mapping::OnOperation::update:
      return "update";
  }
  return "always";
}

void remove_rules(std::string_view provider_id, std::string_view resource, bool rows) {
  static Statement statement(
      "DELETE FROM cmms.field_map WHERE provider_id = $1 AND resource = $2 AND (direction = 'row') = $3",
      {TEXTOID, TEXTOID, BOOLOID});
  statement.execute({provider_id, resource, rows});
}

// All by one statement, so that the triggers of field_map check the rules, and make a version, once.
void insert_rules(std::string_view provider_id, std::string_view resource, const char* direction,
                  const std::vector<RuleText>& rules) {
  std::vector<std::string> targets;
  TextList sources;
  TextList transforms;
  std::vector<std::string> required;
  TextList defaults;
  std::vector<std::string> operations;
  std::vector<std::string> owners;
  for (const RuleText& rule : rules) {
    targets.push_back(rule.target);
    sources.push_back(rule.sources.empty() ? std::nullopt
                                           : std::optional(provider::sources_text(rule.sources)));
    transforms.push_back(rule.transform.empty() ? std::nullopt : std::optional(rule.transform));
    required.emplace_back(rule.required ? "t" : "f");
    defaults.push_back(rule.default_value ? std::optional(rule.default_value->to_json()) : std::nullopt);
    operations.emplace_back(operation_name(rule.on_operation));
    owners.push_back(rule.owner.empty() ? "newest" : rule.owner);
  }
  static Statement statement(
      "INSERT INTO cmms.field_map (provider_id, resource, direction, target, source, transform, required,"
      " default_value, on_operation, owner, position) SELECT $1, $2, $3, r.* FROM unnest($4::text[],"
      " $5::text[], $6::text[], $7::boolean[], $8::jsonb[], $9::text[], $10::text[]) WITH ORDINALITY AS r",
      {TEXTOID, TEXTOID, TEXTOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, BOOLARRAYOID, JSONBARRAYOID,
       TEXTARRAYOID, TEXTARRAYOID});
  statement.execute({provider_id, resource, direction, Param::array(TEXTARRAYOID, targets),
                     Param::array(TEXTARRAYOID, sources), Param::array(TEXTARRAYOID, transforms),
                     Param::array(BOOLARRAYOID, required), Param::array(JSONBARRAYOID, defaults),
                     Param::array(TEXTARRAYOID, operations), Param::array(TEXTARRAYOID, owners)});
}

Datum return_rules(FunctionCallInfo fcinfo, std::string_view provider_id, std::string_view resource,
                   bool rows) {
  static Statement statement(
      "SELECT provider_id, resource, direction, target, source, transform, required, default_value, "
      "on_operation,"
      " owner, position FROM cmms.field_map WHERE provider_id = $1 AND resource = $2 AND (direction = 'row') "
      "= $3"
      " ORDER BY direction, position, target",
      {TEXTOID, TEXTOID, BOOLOID});
  ResultSet result(fcinfo);
  const Spi spi;
  const Rows found = statement.execute({provider_id, resource, rows});
  for (std::size_t i = 0; i < found.size(); ++i) {
    const auto text = [&](std::size_t column) { return found.text(i, column); };
    const std::optional<std::string> columns[] = {text(0), text(1), text(2), text(3), text(4),
                                                  text(5), text(7), text(8), text(9)};
    result.add({columns[0], columns[1], columns[2], columns[3], columns[4], columns[5], found.boolean(i, 6),
                Param::typed(JSONBOID, columns[6]), columns[7], columns[8],
                static_cast<std::int32_t>(found.integer(i, 10))});
  }
  return result.done();
}

Datum set_field_mapping(FunctionCallInfo fcinfo) {
  const std::string provider_id(text_argument(fcinfo, 0));
  const std::string resource(text_argument(fcinfo, 2));
  const OwnerScope scope(fcinfo->flinfo->fn_oid);
  scope.require_server_owner(require_server(provider_id), provider_id);
  const mapping::ShortHand rules = parse(jsonb_value(jsonb_argument(fcinfo, 1)), resource);
  {
    const Spi spi;
    remove_rules(provider_id, resource, false);
    insert_rules(provider_id, resource, "inbound", rules.inbound);
    insert_rules(provider_id, resource, "outbound", rules.outbound);
  }
  // What does not go together with the descriptor is an error now, not at the next sync.
  const auto provider = connection(provider_id, Secrets::optional);
  if (provider->maps(resource) == nullptr) {
    raise(sqlstate::invalid_configuration,
          "provider \"" + provider_id + "\" has no resource \"" + resource + "\"");
  }
  return return_rules(fcinfo, provider_id, resource, false);
}

std::vector<RuleText> rules_of(const provider::Connection& provider,
                               const std::vector<provider::FieldRow>& rows, std::string_view resource,
                               std::string_view direction, bool with_defaults) {
  Result<std::vector<RuleText>> rules =
      provider::written_rules(provider, rows, resource, direction, with_defaults);
  if (!rules) raise(rules.error());
  return std::move(rules).value();
}

// Null: there is nothing to write.
std::optional<std::string> field_mapping(FunctionCallInfo fcinfo) {
  const std::string provider_id(text_argument(fcinfo, 0));
  const std::string resource(text_argument(fcinfo, 1));
  const bool with_defaults = PG_GETARG_BOOL(2);
  const OwnerScope scope(fcinfo->flinfo->fn_oid);
  scope.require_server_owner(require_server(provider_id), provider_id);
  const auto provider = connection(provider_id, Secrets::optional);
  const std::vector<provider::FieldRow> rows = read_field_rows(provider_id);
  const mapping::ShortHand rules{rules_of(*provider, rows, resource, "inbound", with_defaults),
                                 rules_of(*provider, rows, resource, "outbound", with_defaults)};
  if (rules.inbound.empty() && rules.outbound.empty()) return std::nullopt;
  return mapping::write_short_hand(rules, resource);
}

// As rules_of, with the fields' aliases resolved.
std::vector<RuleText> resolved_rules_of(const provider::Connection& provider,
                                        const std::vector<provider::FieldRow>& rows,
                                        std::string_view resource, std::string_view direction,
                                        bool with_defaults) {
  std::vector<RuleText> rules = rules_of(provider, rows, resource, direction, with_defaults);
  const provider::ResourceSpec* spec = provider.descriptor->resource(resource);
  if (spec == nullptr) return rules;
  for (RuleText& rule : rules) rule = provider::resolve_aliases(spec->aliases, direction, std::move(rule));
  return rules;
}

// The rules of both directions as they are in force.
Datum effective_field_map(FunctionCallInfo fcinfo) {
  const std::string provider_id(text_argument(fcinfo, 0));
  const std::string resource(text_argument(fcinfo, 1));
  const auto provider = connection(provider_id, Secrets::optional);
  const std::vector<provider::FieldRow> rows = read_field_rows(provider_id);
  ResultSet result(fcinfo);
  for (const char* direction : {"inbound", "outbound"}) {
    const std::vector<RuleText> own = resolved_rules_of(*provider, rows, resource, direction, false);
    for (const RuleText& rule : resolved_rules_of(*provider, rows, resource, direction, true)) {
      const std::optional<std::string> source =
          rule.sources.empty() ? std::nullopt : std::optional(provider::sources_text(rule.sources));
      const std::optional<std::string> fallback =
          rule.default_value ? std::optional(rule.default_value->to_json()) : std::nullopt;
      const bool is_own = std::find(own.begin(), own.end(), rule) != own.end();
      result.add({direction, rule.target, source,
                  rule.transform.empty() ? Param::null(TEXTOID) : Param(rule.transform), rule.required,
                  Param::typed(JSONBOID, fallback), operation_name(rule.on_operation),
                  rule.owner.empty() ? "newest" : rule.owner.c_str(), is_own});
    }
  }
  return result.done();
}

// What a value becomes; null: it has no mapping.
std::optional<std::string> translated_value(FunctionCallInfo fcinfo) {
  const auto provider = connection(text_argument(fcinfo, 0), Secrets::optional);
  const provider::ResourceMaps* maps = provider->maps(text_argument(fcinfo, 4));
  if (maps == nullptr) return std::nullopt;
  const mapping::ValueMaps& values =
      text_argument(fcinfo, 3) == "outbound" ? maps->outbound_values : maps->inbound_values;
  const auto vocabulary = values.find(text_argument(fcinfo, 1));
  if (vocabulary == values.end()) return std::nullopt;
  const std::optional<std::string_view> found = vocabulary->second.find(text_argument(fcinfo, 2));
  return found ? std::optional(std::string(*found)) : std::nullopt;
}

// The members of a row map: "key" (or "id", which in a row can only mean that) apart from those that the
// short-hand of field maps knows.
struct RowShortHand {
  std::optional<RuleText> key;
  std::string members = "{";  // JSON
  bool names_source_status = false;
  bool names_source_priority = false;
};

RuleText key_rule(const json::Value& value) {
  RuleText rule;
  rule.target = "key";
  if (value.is_string()) rule.sources.emplace_back(value.string());
  for (std::size_t i = 0; i < value.size(); ++i) {
    const auto element = value.element(i);
    if (element && element->is_string()) rule.sources.emplace_back(element->string());
  }
  const bool is_complete = value.is_string() || (value.is_array() && rule.sources.size() == value.size());
  if (!is_complete || rule.sources.empty()) {
    raise(sqlstate::invalid_configuration, "\"key\" must be the name of a column or a list of names");
  }
  return rule;
}

RowShortHand read_row_members(const json::Value& mapping, std::string_view map_name) {
  json::Value members = mapping;
  for (const std::string_view name : {map_name, std::string_view("work_order")}) {
    const auto nested = mapping.member(name);
    if (nested && nested->is_object()) members = *nested;
  }
  RowShortHand row;
  const bool has_key = members.member("key").has_value();
  members.each_member([&](std::string_view name, const json::Value& value) {
    if (name == "key" || (name == "id" && !has_key)) {
      row.key = key_rule(value);
      return true;
    }
    row.names_source_status |= name == "source_status";
    row.names_source_priority |= name == "source_priority";
    if (row.members.size() > 1) row.members.push_back(',');
    json::append_quoted(row.members, name);
    row.members += ":" + value.text();
    return true;
  });
  row.members.push_back('}');
  return row;
}

std::vector<RuleText> row_rules(const json::Value& mapping, std::string_view map_name) {
  RowShortHand row = read_row_members(mapping, map_name);
  const Result<json::Document> document = json::Document::parse(row.members);
  if (!document) raise(document.error());
  std::vector<RuleText> rules = parse(document.value().root(), "work_order").inbound;
  // The short-hand keeps the provider's own word beside ours; a row is not the provider.
  std::erase_if(rules, [&](const RuleText& rule) {
    return (rule.target == "source_status" && !row.names_source_status) ||
           (rule.target == "source_priority" && !row.names_source_priority);
  });
  if (row.key) rules.insert(rules.begin(), *std::move(row.key));
  return rules;
}

Datum set_row_mapping(FunctionCallInfo fcinfo) {
  const std::string provider_id(text_argument(fcinfo, 0));
  const std::string map_name(text_argument(fcinfo, 1));
  const OwnerScope scope(fcinfo->flinfo->fn_oid);
  scope.require_server_owner(require_server(provider_id), provider_id);
  const std::vector<RuleText> rules = row_rules(jsonb_value(jsonb_argument(fcinfo, 2)), map_name);
  {
    const Spi spi;
    remove_rules(provider_id, map_name, true);
    insert_rules(provider_id, map_name, "row", rules);
  }
  row_map(provider_id, map_name);  // raises what the parts did not show
  return return_rules(fcinfo, provider_id, map_name, true);
}

}  // namespace
}  // namespace cmms::pg

CMMS_FUNCTION(cmms_set_field_mapping) { return cmms::pg::set_field_mapping(fcinfo); }

CMMS_FUNCTION(cmms_set_row_mapping) { return cmms::pg::set_row_mapping(fcinfo); }

CMMS_FUNCTION(cmms_field_mapping) {
  const std::optional<std::string> text = cmms::pg::field_mapping(fcinfo);
  fcinfo->isnull = !text;
  return text ? cmms::pg::jsonb_from_text(*text) : Datum{0};
}

CMMS_FUNCTION(cmms_effective_field_map) { return cmms::pg::effective_field_map(fcinfo); }

CMMS_FUNCTION(cmms_translated_value) {
  const std::optional<std::string> text = cmms::pg::translated_value(fcinfo);
  fcinfo->isnull = !text;
  return text ? cmms::pg::Param(*text).to_datum() : Datum{0};
}
