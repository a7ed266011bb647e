// The provider's own ids and names of values (status 5 = "Open"), learnt from the records that are read and
// kept in cmms.provider_value, so that a status can be written by id although only its name was ever seen.
#pragma once

#include <span>
#include <string_view>

#include "core/provider/connection.hpp"

namespace cmms::pg {

// Cheap for values that this backend has stored before: only new or renamed ones reach the table, in one
// statement.
void remember_values(std::string_view tenant_id, std::string_view provider_id,
                     std::span<const provider::LearntValue> values);

}  // namespace cmms::pg
