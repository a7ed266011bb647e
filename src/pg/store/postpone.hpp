// The last resort for a result that cannot be recorded: its row of cmms.outbox is put off, and nothing else
// is touched.
#pragma once

#include "pg/store/push_result.hpp"

namespace cmms::pg::store {

// As settle() does, without the record. What should leave the queue waits there for a person instead.
void postpone(const Settlement& settlement);

}  // namespace cmms::pg::store
