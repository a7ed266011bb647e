// One row of a preview: what becomes of one field, and why.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/json/field.hpp"
#include "core/mapping/mapping.hpp"
#include "pg/boundary/result_set.hpp"

namespace cmms::pg {

struct PreviewRow {
  std::string outcome;                   // of the record
  std::string target;                    // empty: concerns the record
  std::optional<std::string> source;     // path that held the value; the paths tried when none did
  std::optional<json::Field> raw_value;  // as found
  std::optional<std::string> rule;       // source and transforms as written
  std::optional<json::Field> result;     // as mapped
  std::optional<std::string> current;    // JSON: what is stored
  std::optional<std::string> owner;      // inbound
  std::string decision;
  bool would_write = false;
  std::optional<std::string> error;
};

// Fills in where the rule of the row's target finds its value.
void add_source(const mapping::FieldMap& map, const json::Value& document, PreviewRow& row);
void add_error(const mapping::Mapped& mapped, PreviewRow& row);

void write_row(ResultSet& result, const PreviewRow& row, int map_version);

}  // namespace cmms::pg
