// The columns of cmms.work_order and of the tables beside it, as the catalog has them: what a map may fill
// and how text becomes their type.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/mapping/mapping.hpp"

namespace cmms::pg {

struct RecordColumn {
  enum class Form : std::uint8_t { scalar, text_array, json };

  std::string name;
  std::string type;           // as in SQL: 'timestamp with time zone'
  std::string default_value;  // expression, empty: none
  Form form = Form::scalar;

  // A map may read every column, but not fill what the sync itself keeps: keys, states, the provider's last
  // document.
  bool is_mappable(mapping::Direction direction) const;
};

// Empty: there is no such table of records.
const std::vector<RecordColumn>& record_columns(std::string_view resource);
const RecordColumn* find_record_column(std::string_view resource, std::string_view name);

// Raises WO006 with the possible targets as hint when the map's rule cannot work in this direction. 'key' is
// a target of row maps, 'reference' one of inbound maps; an outbound rule names columns as its sources.
void check_rule(const mapping::Rule& rule, mapping::Direction direction, std::string_view resource);

}  // namespace cmms::pg
