// The tables whose rows are sent to providers, and statements that are the same for each of them.
#pragma once

#include "pg/prelude.hpp"

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pg/boundary/spi.hpp"

namespace cmms::pg::store {

struct RecordTable {
  std::string_view resource;   // and the table's name
  std::string_view id;         // column of our own id
  std::string_view source_id;  // column of the provider's id
  bool has_status = false;     // keeps the provider's words for status and priority
};

inline constexpr std::array<RecordTable, 3> record_tables{
    {{"work_order", "common_work_order_id", "source_work_order_id", true},
     {"part", "part_id", "source_part_id"},
     {"asset", "asset_id", "source_asset_id"}}};

// Null: rows of this resource are not sent.
const RecordTable* find_record_table(std::string_view resource);

// The text with {table}, {resource}, {id} and {source_id} filled in. Lines marked {status} are only for
// tables that have these columns, lines marked {plain} for those that have not.
std::string for_table(std::string_view text, const RecordTable& table);

// Every occurrence in the text of a statement.
void replace_all(std::string& text, std::string_view from, std::string_view to);

// A statement for each of the tables, made at its first use. Make it a function-local static.
class RecordStatement {
 public:
  RecordStatement(const char* text, std::vector<Oid> parameter_types)
      : text_(text), parameter_types_(std::move(parameter_types)) {}

  Statement& of(const RecordTable& table);

 private:
  struct Prepared {
    std::string sql;
    std::unique_ptr<Statement> statement;
  };

  const char* text_;
  std::vector<Oid> parameter_types_;
  std::array<Prepared, record_tables.size()> prepared_;
};

// Calls `use` with the rows of each table that has any: most often there is but one.
template <class Row, class Use>
void for_each_table(const std::vector<Row>& rows, Use&& use) {
  for (const RecordTable& table : record_tables) {
    std::vector<const Row*> of_table;
    for (const Row& row : rows) {
      if (row.key.resource == table.resource) of_table.push_back(&row);
    }
    if (!of_table.empty()) use(table, of_table);
  }
}

}  // namespace cmms::pg::store
