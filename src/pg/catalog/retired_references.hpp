// Whether a tenant has taken assets or locations out of use: most have none, and then no order need be
// checked.
#pragma once

#include <string_view>

namespace cmms::pg {

// Asks the table with the rights of the function's owner, once after each change of it.
bool has_retired_references(unsigned int function_oid, std::string_view tenant_id);

}  // namespace cmms::pg
