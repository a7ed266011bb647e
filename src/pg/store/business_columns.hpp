// The business columns of cmms.work_order: what is pushed, what makes an event, what moves updated_at.
#pragma once

#include "pg/prelude.hpp"

#include <array>
#include <bitset>
#include <cstddef>
#include <span>

namespace cmms::pg::store {

// The one list of them, in the order of the table.
inline constexpr std::array business_columns = {
    "identifier",    "title",        "description",        "work_type",       "issue_type",
    "asset_ref",     "location_ref", "requester",          "assignees",       "vendors",
    "common_status", "priority",     "planned_start_at",   "planned_end_at",  "actual_start_at",
    "actual_end_at", "sla_due_at",   "assigned_at",        "acknowledged_at", "started_at",
    "completed_at",  "closed_at",    "labor_cost",         "material_cost",   "total_cost",
    "currency",      "nte_limit",    "nte_limit_original", "nte_currency",    "metadata"};

using BusinessColumnSet = std::bitset<business_columns.size()>;

// Where a version of the table has them.
class BusinessColumns {
 public:
  explicit BusinessColumns(TupleDesc order);

  // Column numbers, from 1, in the order of the list.
  std::span<const int> numbers() const { return numbers_; }

 private:
  std::array<int, business_columns.size()> numbers_{};
};

Datum names_of(const BusinessColumnSet& columns);  // text[], in the current memory context

}  // namespace cmms::pg::store
