// Mapped fields as jsonb.
#pragma once

#include "pg/prelude.hpp"

#include <compare>
#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "core/json/field.hpp"
#include "core/mapping/mapping.hpp"

namespace cmms::pg {

// jsonb's keys are sorted by length first, then bytewise.
inline std::strong_ordering compare_keys(std::string_view one, std::string_view other) {
  return one.size() != other.size() ? one.size() <=> other.size() : one <=> other;
}

// The places of the fields in jsonb's order of keys. Of fields of one name the last counts, as in JSON text.
std::vector<std::size_t> key_order(const std::vector<mapping::MappedField>& fields);

Datum jsonb_from_field(const json::Field& field);
Datum jsonb_from_fields(const std::vector<mapping::MappedField>& fields);  // one object
// The same where many have their fields in one order, which is found only once. What it takes to build it
// stays in the current memory context.
Datum jsonb_from_fields(const std::vector<mapping::MappedField>& fields,
                        std::span<const std::size_t> key_order);

}  // namespace cmms::pg
