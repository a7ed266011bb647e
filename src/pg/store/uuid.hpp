// Ids of new records: UUIDs of version 7 (RFC 9562), as PostgreSQL 18's uuidv7() makes them. They grow with
// time, so that what is made together lies together in the indexes.
#pragma once

#include "pg/prelude.hpp"

#include <cstddef>
#include <vector>

extern "C" {
#include "utils/uuid.h"
}

namespace cmms::pg::store {

// In ascending order, and after all that this process has made before.
std::vector<pg_uuid_t> new_uuids(std::size_t count);

}  // namespace cmms::pg::store
