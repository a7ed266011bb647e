// Records that could not be mapped or applied: kept whole with their problems, counted, and announced as an
// event.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/json/value.hpp"

namespace cmms::pg {

struct HeldRow {
  std::string_view tenant_id;
  std::string_view provider_id;
  std::string_view map_name;
  std::optional<std::string> row_key;  // none: the key itself is what is missing
  json::Value document;                // the row as it is now
  std::string problems;                // JSON array, see problems_json()
  std::string reason;                  // the problems in one line
};

// Inside an Spi scope. A row that is held already gets the new document and problems.
void hold_row(const HeldRow& row);

void release_row(std::string_view tenant_id, std::string_view provider_id, std::string_view map_name,
                 std::string_view row_key);

}  // namespace cmms::pg
