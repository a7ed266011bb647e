// The columns of cmms.work_order that a provider's record fills, and its values for them.
#pragma once

#include "pg/prelude.hpp"

#include <cstddef>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/mapping/mapping.hpp"
#include "pg/boundary/spi.hpp"

namespace cmms::pg {

struct OrderColumn {
  const char* name;
  Oid type;
  const char* default_value = nullptr;  // stands in where the record says nothing
};

inline constexpr OrderColumn order_columns[] = {{"identifier", TEXTOID},
                                                {"title", TEXTOID},
                                                {"description", TEXTOID},
                                                {"work_type", TEXTOID},
                                                {"issue_type", TEXTOID},
                                                {"asset_ref", TEXTOID},
                                                {"location_ref", TEXTOID},
                                                {"requester", TEXTOID},
                                                {"assignees", TEXTARRAYOID},
                                                {"vendors", TEXTARRAYOID},
                                                {"common_status", TEXTOID, "requested"},
                                                {"source_status", TEXTOID},
                                                {"source_allowed_statuses", TEXTARRAYOID},
                                                {"priority", TEXTOID, "none"},
                                                {"source_priority", TEXTOID},
                                                {"planned_start_at", TIMESTAMPTZOID},
                                                {"planned_end_at", TIMESTAMPTZOID},
                                                {"actual_start_at", TIMESTAMPTZOID},
                                                {"actual_end_at", TIMESTAMPTZOID},
                                                {"sla_due_at", TIMESTAMPTZOID},
                                                {"assigned_at", TIMESTAMPTZOID},
                                                {"acknowledged_at", TIMESTAMPTZOID},
                                                {"started_at", TIMESTAMPTZOID},
                                                {"completed_at", TIMESTAMPTZOID},
                                                {"closed_at", TIMESTAMPTZOID},
                                                {"labor_cost", NUMERICOID},
                                                {"material_cost", NUMERICOID},
                                                {"total_cost", NUMERICOID},
                                                {"currency", TEXTOID},
                                                {"nte_limit", NUMERICOID},
                                                {"nte_limit_original", NUMERICOID},
                                                {"nte_currency", TEXTOID},
                                                {"metadata", JSONBOID, "{}"},
                                                {"source_work_order_id", TEXTOID},
                                                {"source_updated_at", TIMESTAMPTZOID},
                                                {"source_revision", TEXTOID}};

constexpr std::size_t place_of(std::string_view name) {
  std::size_t place = 0;
  while (name != order_columns[place].name) ++place;
  return place;
}

Param default_value(const OrderColumn& column);
Param time_value(const std::optional<std::string>& text);  // timestamptz

// Where the fields of a record go. Records of one page mostly have the same fields, so this is found anew
// only for one that has other fields than the one before.
class FieldPlaces {
 public:
  static constexpr std::size_t no_column = std::size(order_columns);

  void fit(const std::vector<mapping::MappedField>& fields);

  std::span<const std::size_t> key_order() const { return key_order_; }  // for jsonb_from_fields()
  // For each field the place among `order_columns`. Of fields of one name the first has it, as for
  // Mapped::find().
  std::span<const std::size_t> columns() const { return columns_; }

 private:
  std::vector<std::string> names_;
  std::vector<std::size_t> key_order_;
  std::vector<std::size_t> columns_;
};

// The values of a record, one for each of `order_columns`, each in the place of its default. They may point
// into the record. `places` fit it.
void set_columns(const mapping::Mapped& mapped, const FieldPlaces& places, std::span<Param> values);

}  // namespace cmms::pg
