// Which data directory this is: tells the one that databases were armed in from a copy of it.
#pragma once

#include "pg/prelude.hpp"

extern "C" {
#include "utils/uuid.h"
}

namespace cmms::pg {

// A data directory keeps its place in a file that says where it was written. In a copy this is not true any
// more, and the copy becomes a place of its own; a standby, which is there to take over, stays the same
// place.
struct Place {
  pg_uuid_t id;
  bool is_unclaimed;  // it never was a copy: databases that were armed under any id may send
};

// In the postmaster, before recovery. Writes the file where there is none, or not a true one.
Place find_place();

}  // namespace cmms::pg
