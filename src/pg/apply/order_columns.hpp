// The columns of cmms.work_order that a provider's record fills, and its values for them.
#pragma once

#include "pg/prelude.hpp"

#include <cstddef>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <string_view>

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

// The values of a record, one for each of `order_columns`, each in the place of its default. They may point
// into the record.
void set_columns(const mapping::Mapped& mapped, std::span<Param> values);

}  // namespace cmms::pg
