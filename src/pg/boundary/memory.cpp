#include "pg/prelude.hpp"

#include "pg/boundary/memory.hpp"

namespace cmms::pg {

ScratchContext::ScratchContext(MemoryContext parent)
    : previous_(CurrentMemoryContext), pending_errors_(detail::pending_error_count()), context_(pg_call([&] {
        return AllocSetContextCreate(parent, "pg_cmms scratch", ALLOCSET_DEFAULT_SIZES);
      })) {
  MemoryContextSwitchTo(context_);
}

ScratchContext::~ScratchContext() {
  MemoryContextSwitchTo(previous_);
  if (detail::pending_error_count() == pending_errors_) MemoryContextDelete(context_);
}

void ScratchContext::reset() {
  pg_call([&] { MemoryContextReset(context_); });
}

}  // namespace cmms::pg
