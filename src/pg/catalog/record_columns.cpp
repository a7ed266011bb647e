#include "pg/prelude.hpp"

#include "pg/catalog/record_columns.hpp"

#include <algorithm>
#include <array>
#include <map>

#include "core/sqlstate.hpp"
#include "pg/boundary/guard.hpp"
#include "pg/boundary/spi.hpp"
#include "pg/catalog/connection_cache.hpp"

namespace cmms::pg {
namespace {

constexpr std::array<std::string_view, 20> kept_by_the_sync = {
    "tenant_id",      "common_work_order_id", "asset_id",         "part_id",           "part_transaction_id",
    "person_id",      "comment_id",           "provider_id",      "source_doc",        "sync_state",
    "last_synced_at", "last_error",           "last_error_class", "last_error_detail", "created_at",
    "updated_at",     "source_fields",        "webhook_event_id", "added_by",          "reason_for"};
constexpr std::array<std::string_view, 6> resources = {"work_order",       "asset",  "part",
                                                       "part_transaction", "person", "comment"};

// What only the provider can say.
constexpr std::array<std::string_view, 5> provider_news = {
    "source_status", "source_priority", "source_allowed_statuses", "source_updated_at", "source_revision"};

template <std::size_t Size>
bool contains(const std::array<std::string_view, Size>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::vector<RecordColumn> read_columns(std::string_view resource) {
  static Statement statement(
      "SELECT a.attname::text, CASE t.typtype WHEN 'd' THEN format_type(t.typbasetype, t.typtypmod)"
      " ELSE format_type(a.atttypid, a.atttypmod) END, pg_get_expr(d.adbin, d.adrelid)"
      " FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid"
      " LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum AND "
      "a.attgenerated = ''"
      " WHERE a.attrelid = format('cmms.%I', $1)::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY "
      "a.attnum",
      {TEXTOID});
  const Spi spi;
  const Rows rows = statement.execute({resource});
  std::vector<RecordColumn> columns;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    RecordColumn column;
    column.name = rows.text_or(i, 0, "");
    column.type = rows.text_or(i, 1, "");
    column.default_value = rows.text_or(i, 2, "");
    if (column.type == "text[]") column.form = RecordColumn::Form::text_array;
    if (column.type == "jsonb") column.form = RecordColumn::Form::json;
    columns.push_back(std::move(column));
  }
  return columns;
}

std::string_view direction_name(mapping::Direction direction) {
  switch (direction) {
    case mapping::Direction::inbound:
      return "inbound";
    case mapping::Direction::outbound:
      return "outbound";
    case mapping::Direction::row:
      return "row";
  }
  return "";
}

std::string mappable_names(std::string_view resource, mapping::Direction direction) {
  std::string names;
  if (direction == mapping::Direction::row) names = "key";
  for (const RecordColumn& column : record_columns(resource)) {
    if (!column.is_mappable(direction)) continue;
    names += (names.empty() ? "" : ", ") + column.name;
  }
  return names;
}

bool is_special_target(std::string_view target, mapping::Direction direction) {
  if (direction == mapping::Direction::row) return target == "key";
  return direction == mapping::Direction::inbound && target == "reference";
}

}  // namespace

bool RecordColumn::is_mappable(mapping::Direction direction) const {
  if (direction == mapping::Direction::outbound) return true;
  if (contains(kept_by_the_sync, name)) return false;
  return direction == mapping::Direction::inbound || !contains(provider_news, name);
}

const std::vector<RecordColumn>& record_columns(std::string_view resource) {
  static std::map<std::string, std::vector<RecordColumn>, std::less<>> tables;
  static std::uint64_t made_at = 0;
  if (made_at != configuration_generation()) tables.clear();
  made_at = configuration_generation();
  if (const auto found = tables.find(resource); found != tables.end()) return found->second;
  std::vector<RecordColumn> columns;
  if (contains(resources, resource)) columns = read_columns(resource);
  return tables.emplace(resource, std::move(columns)).first->second;
}

const RecordColumn* find_record_column(std::string_view resource, std::string_view name) {
  const auto& columns = record_columns(resource);
  const auto found = std::find_if(columns.begin(), columns.end(),
                                  [&](const RecordColumn& column) { return column.name == name; });
  return found == columns.end() ? nullptr : &*found;
}

void check_rule(const mapping::Rule& rule, mapping::Direction direction, std::string_view resource) {
  const auto check = [&](std::string_view name, std::string_view role) {
    const RecordColumn* column = find_record_column(resource, name);
    if (column != nullptr && column->is_mappable(direction)) return;
    raise(sqlstate::invalid_configuration,
          "\"" + std::string(name) + "\" cannot be the " + std::string(role) + " of a rule of direction " +
              std::string(direction_name(direction)),
          column == nullptr ? "cmms." + std::string(resource) + " has no such column."
                            : "That column is kept by the sync itself.",
          "Possible: " + mappable_names(resource, direction) + ".");
  };
  if (direction == mapping::Direction::outbound) {
    for (const path::Path& source : rule.sources) check(source.head(), "source");
  } else if (!is_special_target(rule.target, direction)) {
    check(rule.target, "target");
  }
}

}  // namespace cmms::pg
