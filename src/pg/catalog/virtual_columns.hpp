// Virtual generated columns, which PostgreSQL has since 18: a row that a trigger is given lacks them.
#pragma once

#include "pg/prelude.hpp"

namespace cmms::pg {

// The row with its virtual columns computed, in the current memory context; `tuple` itself where the table
// has none. To be called with the rights of who changes the row: the expressions are the table's owner's.
HeapTuple with_virtual_columns(Relation relation, HeapTuple tuple);

}  // namespace cmms::pg
