// Row maps: how the columns of an application's table become a work order, for cmms.sync_row. They are the
// rows of cmms.field_map of direction 'row' whose resource is the map's name, compiled once per backend.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/json/field.hpp"
#include "core/mapping/mapping.hpp"
#include "core/path/path.hpp"
#include "core/provider/connection.hpp"
#include "pg/boundary/spi.hpp"
#include "pg/catalog/record_columns.hpp"

namespace cmms::pg {

struct RowMap {
  std::string provider_id;
  std::string tenant_id;
  std::string name;
  mapping::FieldMap fields;           // without the rule of 'key'
  mapping::ValueMaps values;          // the hub's own words mean themselves; what the DBA mapped comes on top
  std::vector<path::Path> key;        // columns that identify a row; empty: the table's primary key
  std::vector<RecordColumn> targets;  // of `fields`
  // ($1 tenant, $2 provider, $3 values text[], $4 map, $5 table, $6 row key): makes the work order and its
  // row_link.
  Statement* create = nullptr;
  // ($1 tenant, $2 work order uuid, $3 values text[], $4 changed bool[]): sets the targets that changed.
  Statement* update = nullptr;

  // The values of `mapped` in the order of `targets`, in the text form that the statements take; `present`
  // tells which of them were mapped at all.
  void bind(const mapping::Mapped& mapped, TextList& values, TextList& present) const;
};

// Raises WO001 for an unknown provider and WO006 when there is no such map or it cannot be compiled.
std::shared_ptr<const RowMap> row_map(std::string_view provider_id, std::string_view name);

// A rule as stored in cmms.field_map; nullopt: the row switches a default rule off.
std::optional<mapping::RuleText> rule_text_of(const provider::FieldRow& row);  // raises WO006

}  // namespace cmms::pg
