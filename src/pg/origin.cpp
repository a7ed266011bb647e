#include "pg/prelude.hpp"

#include "pg/origin.hpp"

#include <array>

#include "pg/boundary/guard.hpp"

extern "C" {
#include "utils/rls.h"
}

namespace cmms::pg {
namespace {

struct Entry {
  Origin origin;
  int nest_level;  // of the (sub)transaction that opened the scope
};

// Scopes nest two or three deep: recording a result, applying news, a trigger in between.
constexpr int max_depth = 16;
std::array<Entry, max_depth> stack;
int depth = 0;
bool callbacks_registered = false;

// The scopes end by themselves while C++ unwinds; these two are for an ERROR that jumped over their frames.
void on_transaction_end(XactEvent event, void*) {
  if (event == XACT_EVENT_ABORT || event == XACT_EVENT_PARALLEL_ABORT) depth = 0;
}

void on_subtransaction_end(SubXactEvent event, SubTransactionId, SubTransactionId, void*) {
  if (event != SUBXACT_EVENT_ABORT_SUB) return;
  const int aborted_level = GetCurrentTransactionNestLevel();
  while (depth > 0 && stack[static_cast<std::size_t>(depth - 1)].nest_level >= aborted_level) --depth;
}

void register_callbacks() {
  if (callbacks_registered) return;
  pg_call([&] {
    RegisterXactCallback(on_transaction_end, nullptr);
    RegisterSubXactCallback(on_subtransaction_end, nullptr);
  });
  callbacks_registered = true;
}

}  // namespace

Origin current_origin() {
  return depth == 0 ? Origin::local : stack[static_cast<std::size_t>(depth - 1)].origin;
}

bool is_restoring() { return !check_function_bodies && !row_security; }

const char* origin_name(Origin origin) {
  switch (origin) {
    case Origin::local:
      return "local";
    case Origin::provider:
      return "provider";
    case Origin::worker:
      return "worker";
  }
  return "local";
}

OriginScope::OriginScope(Origin origin) : depth_(depth) {
  register_callbacks();
  if (depth == max_depth) raise("54001", "changes of different origin are nested too deeply");
  stack[static_cast<std::size_t>(depth++)] = {origin, GetCurrentTransactionNestLevel()};
}

OriginScope::~OriginScope() {
  if (depth > depth_) depth = depth_;
}

}  // namespace cmms::pg

CMMS_FUNCTION(cmms_change_origin) {
  (void)fcinfo;
  const char* name = cmms::pg::origin_name(cmms::pg::current_origin());
  return cmms::pg::pg_call([&] { return PointerGetDatum(cstring_to_text(name)); });
}
