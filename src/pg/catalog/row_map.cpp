#include "pg/prelude.hpp"

#include "pg/catalog/row_map.hpp"

#include <map>
#include <utility>

#include "core/json/jansson.hpp"
#include "core/sqlstate.hpp"
#include "pg/boundary/guard.hpp"
#include "pg/catalog/configuration_rows.hpp"
#include "pg/catalog/connection_cache.hpp"
#include "pg/catalog/server.hpp"
#include "pg/mapping/environment.hpp"

namespace cmms::pg {
namespace {

// Statements live as long as the backend, so maps with the same targets share them.
Statement* statement_for(std::string sql, std::vector<Oid> parameter_types) {
  static std::map<std::string, std::unique_ptr<Statement>> statements;
  auto [entry, is_new] = statements.try_emplace(std::move(sql));
  if (is_new) entry->second = std::make_unique<Statement>(entry->first.c_str(), std::move(parameter_types));
  return entry->second.get();
}

// The i-th element of $3 as the column's type.
std::string value_expression(const RecordColumn& column, std::size_t position) {
  const std::string element = "($3)[" + std::to_string(position) + "]";
  std::string value = "CAST(" + element + " AS " + column.type + ")";
  if (column.form == RecordColumn::Form::text_array) {
    value = "CASE WHEN " + element +
            " IS NOT NULL THEN ARRAY(SELECT pg_catalog.jsonb_array_elements_text(CAST(" + element +
            " AS jsonb))) END";
  }
  return column.default_value.empty() ? value : "COALESCE(" + value + ", " + column.default_value + ")";
}

// No row: the key has its order already. One: made now; whether the row was held before.
Statement* create_statement(const std::vector<RecordColumn>& targets) {
  std::string columns = "tenant_id, provider_id, common_work_order_id";
  std::string values = "$1, $2, l.common_work_order_id";
  for (std::size_t i = 0; i < targets.size(); ++i) {
    columns += ", " + targets[i].name;
    values += ", " + value_expression(targets[i], i + 1);
  }
  return statement_for(
      "WITH linked AS (INSERT INTO cmms.row_link (tenant_id, provider_id, map_name, table_name, row_key,"
      " common_work_order_id) VALUES ($1, $2, $4, $5, $6, $7)"
      " ON CONFLICT (tenant_id, provider_id, map_name, row_key) DO NOTHING RETURNING common_work_order_id)"
      " INSERT INTO cmms.work_order (" +
          columns + ") SELECT " + values +
          " FROM linked l"
          " RETURNING EXISTS (SELECT FROM cmms.held_record h WHERE h.tenant_id = $1 AND h.provider_id = $2"
          " AND h.resource = $4 AND h.direction = 'row' AND h.source_record_id = $6)",
      {TEXTOID, TEXTOID, TEXTARRAYOID, TEXTOID, TEXTOID, TEXTOID, UUIDOID});
}

Statement* update_statement(const std::vector<RecordColumn>& targets) {
  std::string assignments;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    if (!assignments.empty()) assignments += ", ";
    assignments += targets[i].name + " = CASE WHEN ($4)[" + std::to_string(i + 1) + "] THEN " +
                   value_expression(targets[i], i + 1) + " ELSE " + targets[i].name + " END";
  }
  return statement_for(
      "UPDATE cmms.work_order SET " + assignments + " WHERE tenant_id = $1 AND common_work_order_id = $2",
      {TEXTOID, UUIDOID, TEXTARRAYOID, BOOLARRAYOID});
}

// A word that another spelling of the DBA's contradicts is left out: both would make the value ambiguous.
void add_own_words(mapping::ValueMaps& values) {
  static Statement statement(
      "SELECT 'status', name FROM cmms.common_status UNION ALL SELECT 'priority', name FROM cmms.priority",
      {});
  const mapping::ValueMaps mapped = values;
  const Spi spi;
  const Rows rows = statement.execute();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::string vocabulary = rows.text_or(i, 0, "");
    const std::string name = rows.text_or(i, 1, "");
    const auto existing = mapped.find(vocabulary);
    if (existing == mapped.end() || !existing->second.find_stated(name)) values[vocabulary].add(name, name);
  }
}

void add_rule(RowMap& map, const provider::FieldRow& row, std::vector<mapping::Rule>& rules) {
  const std::optional<mapping::RuleText> text = rule_text_of(row);
  if (!text) return;
  Result<mapping::Rule> compiled = mapping::compile_rule(*text);
  if (!compiled) raise(compiled.error());
  mapping::Rule rule = std::move(compiled).value();
  check_rule(rule, mapping::Direction::row, "work_order");
  if (rule.target == "key") {
    map.key = std::move(rule.sources);
    return;
  }
  map.targets.push_back(*find_record_column("work_order", rule.target));
  rules.push_back(std::move(rule));
}

std::shared_ptr<const RowMap> build(std::string_view provider_id, std::string_view name) {
  auto map = std::make_shared<RowMap>();
  map->provider_id = provider_id;
  map->name = name;
  map->tenant_id = provider_tenant(provider_id);
  std::vector<mapping::Rule> rules;
  for (const provider::FieldRow& row : read_field_rows(provider_id)) {
    if (row.direction == "row" && row.resource == name) add_rule(*map, row, rules);
  }
  if (rules.empty()) {
    raise(sqlstate::invalid_configuration,
          "provider \"" + map->provider_id + "\" has no row map \"" + map->name + "\"",
          "The map says which column of the table is which field of a work order.",
          "Define it with cmms.set_row_mapping('" + map->provider_id + "', '" + map->name +
              "', '{\"key\": \"id\", \"title\": \"subject\"}').");
  }
  map->fields = mapping::FieldMap(std::move(rules), make_environment(require_server(provider_id).owner));
  for (const provider::ValueRow& row : read_value_rows(provider_id)) {
    if (row.direction == "row" && row.resource == name) {
      map->values[row.vocabulary].add(row.rule);
    }
  }
  add_own_words(map->values);
  map->create = create_statement(map->targets);
  map->update = update_statement(map->targets);
  return map;
}

std::string text_form(const RecordColumn& column, const json::Field& value) {
  switch (column.form) {
    case RecordColumn::Form::scalar:
      return value.text;
    case RecordColumn::Form::json:
      return value.to_json();
    case RecordColumn::Form::text_array:
      return value.kind == json::Kind::array ? value.text : "[" + value.to_json() + "]";
  }
  return value.text;
}

}  // namespace

void RowMap::bind(const mapping::Mapped& mapped, TextList& values_out, TextList& present) const {
  for (const RecordColumn& target : targets) {
    const json::Field* value = mapped.find(target.name);
    const bool has_value = value != nullptr && !value->is_null();
    values_out.push_back(has_value ? std::optional(text_form(target, *value)) : std::nullopt);
    present.push_back(value != nullptr ? "t" : "f");
  }
}

std::shared_ptr<const RowMap> row_map(std::string_view provider_id, std::string_view name) {
  struct Cached {
    std::uint64_t generation = 0;
    std::shared_ptr<const RowMap> map;
  };
  static std::map<std::pair<std::string, std::string>, Cached> cache;
  Cached& cached = cache[{std::string(provider_id), std::string(name)}];
  if (cached.map != nullptr && cached.generation == configuration_generation()) return cached.map;
  provider_tenant(provider_id);  // makes sure that changes from here on are heard of
  cached.generation = configuration_generation();
  cached.map = nullptr;
  cached.map = build(provider_id, name);
  return cached.map;
}

std::optional<mapping::RuleText> rule_text_of(const provider::FieldRow& row) {
  mapping::RuleText rule;
  rule.target = row.target;
  rule.transform = row.transform;
  rule.required = row.required;
  if (row.source) {
    Result<std::vector<std::string>> sources = provider::parse_sources(*row.source);
    if (!sources) raise(sources.error());
    rule.sources = std::move(sources).value();
  }
  if (row.default_value) {
    const Result<json::Document> document = json::Document::parse(*row.default_value);
    if (!document) raise(document.error());
    rule.default_value = json::Field::from(document.value().root());
  }
  if (rule.sources.empty() && !rule.default_value) return std::nullopt;
  if (row.on_operation == "create") rule.on_operation = mapping::OnOperation::create;
  if (row.on_operation == "update") rule.on_operation = mapping::OnOperation::update;
  return rule;
}

}  // namespace cmms::pg
