// A table's row as jsonb, as to_jsonb() makes it, but with local times placed on the time line.
#pragma once

#include "pg/prelude.hpp"

namespace cmms::pg {

// In the current memory context. A `timestamp` column is taken in the session's time zone, as its cast to
// timestamptz does: without an offset nobody after us could know what was meant.
Jsonb* row_jsonb(TupleDesc descriptor, HeapTuple tuple);

}  // namespace cmms::pg
