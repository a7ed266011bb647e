// An application's row becomes, changes or cancels a work order: what cmms.sync_row does for each row, and
// what cmms.reprocess_held does again for a row that was held.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/json/value.hpp"
#include "pg/catalog/row_map.hpp"

namespace cmms::pg {

// A row as jsonb, with the text that identifies it; without a key the row can only be held.
struct SourceRow {
  json::Value document;
  std::optional<std::string> key;
};

// The key columns' values: the value itself for one column, a JSON array for several; nullopt when one is
// null.
std::optional<std::string> row_key(const std::vector<path::Path>& columns, const json::Value& document);

// None of these fails because of what is in the row: it is held then, with the reason. They answer whether
// the row went through. Errors of configuration are raised.
class RowSync {
 public:
  RowSync(const RowMap& map, std::string table_name) : map_(map), table_name_(std::move(table_name)) {}

  bool put(
      const SourceRow& row);  // creates the order, or brings an existing one up to date in all mapped fields
  bool change(const SourceRow& before, const SourceRow& after);  // sends on only what changed
  bool remove(const SourceRow& row);                             // cancels the order where that is legal

 private:
  struct Link {
    std::optional<std::string> common_work_order_id;
    bool is_held = false;
  };

  Link find_link(std::string_view key) const;
  bool create(std::string_view key, const mapping::Mapped& mapped) const;  // false: the key has an order
  void update(std::string_view common_work_order_id, const mapping::Mapped& mapped) const;
  void move_link(std::string_view old_key, std::string_view new_key) const;
  // `changes`: what an order that exists gets; null: all that is mapped.
  void write(const SourceRow& row, const std::string& old_key, const mapping::Mapped* changes) const;
  void cancel(std::string_view key) const;
  void tell_of_final_order(std::string_view key) const;
  void hold(const SourceRow& row, std::string problems, std::string reason) const;
  bool hold_if_incomplete(const SourceRow& row, const mapping::Mapped& mapped) const;
  template <class Body>
  bool isolated(const SourceRow& row, Body&& body) const;

  const RowMap& map_;
  std::string table_name_;
};

}  // namespace cmms::pg
