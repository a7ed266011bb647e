// The foreign data wrapper's handler. Foreign servers hold the connections of pg_cmms; there are no foreign
// tables, so whoever scans one is told where the records are.
#include "pg/prelude.hpp"

#include "pg/boundary/guard.hpp"

extern "C" {
#include "nodes/makefuncs.h"
}

namespace {

// Called by the planner and executor directly; no C++ object is alive in these frames.
[[noreturn]] void refuse() {
  ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                  errmsg("foreign tables are not supported by foreign-data wrapper \"cmms\""),
                  errhint("Query cmms.work_order instead.")));
  pg_unreachable();
}

void get_rel_size(PlannerInfo*, RelOptInfo*, Oid) { refuse(); }
void get_paths(PlannerInfo*, RelOptInfo*, Oid) { refuse(); }
ForeignScan* get_plan(PlannerInfo*, RelOptInfo*, Oid, ForeignPath*, List*, List*, Plan*) { refuse(); }
void begin_scan(ForeignScanState*, int) { refuse(); }
TupleTableSlot* iterate_scan(ForeignScanState*) { refuse(); }
void rescan(ForeignScanState*) { refuse(); }
void end_scan(ForeignScanState*) {}

}  // namespace

CMMS_FUNCTION(cmms_fdw_handler) {
  auto* routine = cmms::pg::pg_call([] { return makeNode(FdwRoutine); });
  routine->GetForeignRelSize = get_rel_size;
  routine->GetForeignPaths = get_paths;
  routine->GetForeignPlan = get_plan;
  routine->BeginForeignScan = begin_scan;
  routine->IterateForeignScan = iterate_scan;
  routine->ReScanForeignScan = rescan;
  routine->EndForeignScan = end_scan;
  return PointerGetDatum(routine);
}
