// The databases that may have pg_cmms.
#pragma once

#include "pg/prelude.hpp"

#include <vector>

namespace cmms::pg {

// Databases that take connections; templates are left out, so that CREATE DATABASE is never held up. Reads
// the shared catalog in a transaction of its own.
std::vector<Oid> list_databases();

}  // namespace cmms::pg
