// References in our words: what a provider's record calls an asset, a location or a person is replaced by
// what cmms.identity_alias says that we call it. A tenant without aliases pays nothing.
#pragma once

#include "pg/prelude.hpp"

#include <string_view>

#include "core/mapping/mapping.hpp"
#include "core/provider/connection.hpp"

namespace cmms::pg {

// Whether the tenant has any alias, or anything retired.
bool has_identities(std::string_view tenant_id);

// Both inside an Spi scope, for tenants that have_identities.
void resolve_references(const provider::Connection& connection, mapping::Mapped& mapped);
void add_retired_problems(const provider::Connection& connection, mapping::Mapped& mapped);

}  // namespace cmms::pg
