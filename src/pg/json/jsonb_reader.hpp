// jsonb behind json::Value, and JSON text back into jsonb. The only file of the project that knows jsonb's
// layout.
#pragma once

#include "pg/prelude.hpp"

#include <string>
#include <string_view>
#include <vector>

#include "core/json/field.hpp"
#include "core/json/value.hpp"
#include "core/mapping/mapping.hpp"

namespace cmms::pg {

// A view into the jsonb, which must be detoasted and must outlive it.
json::Value jsonb_value(const Jsonb* document);

Datum jsonb_from_text(std::string_view text);      // raises on malformed JSON
Datum jsonb_from_value(const json::Value& value);  // a copy; cheap for what is jsonb already
// As jsonb_populate_record() fills columns of these types; not of a null.
std::string column_text(const json::Field& field);
Datum text_array_from_field(const json::Field& field);
std::string json_from_fields(const std::vector<mapping::MappedField>& fields);  // one object, as JSON text

}  // namespace cmms::pg
