// Statements for tables of records.
#include "pg/store/record_table.hpp"

#include <algorithm>
#include <utility>

namespace cmms::pg::store {
namespace {

void keep_lines(std::string& text, std::string_view mark, bool is_wanted) {
  for (std::size_t at = text.find(mark); at != std::string::npos; at = text.find(mark)) {
    const std::size_t end = is_wanted ? at + mark.size() : std::min(text.find('\n', at), text.size());
    text.erase(at, end - at);
  }
}

}  // namespace

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

const RecordTable* find_record_table(std::string_view resource) {
  const auto* found = std::find_if(record_tables.begin(), record_tables.end(),
                                   [&](const RecordTable& table) { return table.resource == resource; });
  return found == record_tables.end() ? nullptr : found;
}

std::string for_table(std::string_view text, const RecordTable& table) {
  std::string sql(text);
  keep_lines(sql, "{status}", table.has_status);
  keep_lines(sql, "{plain}", !table.has_status);
  replace_all(sql, "{table}", "cmms." + std::string(table.resource));
  replace_all(sql, "{resource}", table.resource);
  replace_all(sql, "{id}", table.id);
  replace_all(sql, "{source_id}", table.source_id);
  return sql;
}

Statement& RecordStatement::of(const RecordTable& table) {
  Prepared& prepared = prepared_[static_cast<std::size_t>(&table - record_tables.data())];
  if (prepared.statement == nullptr) {
    prepared.sql = for_table(text_, table);
    prepared.statement = std::make_unique<Statement>(prepared.sql.c_str(), parameter_types_);
  }
  return *prepared.statement;
}

}  // namespace cmms::pg::store
