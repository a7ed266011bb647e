#include "pg/catalog/virtual_columns.hpp"

#if PG_VERSION_NUM >= 180000

#include "pg/boundary/guard.hpp"

extern "C" {
#include "executor/executor.h"
#include "rewrite/rewriteHandler.h"
}

namespace cmms::pg {
namespace {

// Runs inside pg_call(): plain data only.
HeapTuple compute(Relation relation, HeapTuple tuple) {
  TupleDesc descriptor = RelationGetDescr(relation);
  auto* values = static_cast<Datum*>(palloc(static_cast<Size>(descriptor->natts) * sizeof(Datum)));
  auto* nulls = static_cast<bool*>(palloc(static_cast<Size>(descriptor->natts) * sizeof(bool)));
  heap_deform_tuple(tuple, descriptor, values, nulls);
  TupleTableSlot* slot = MakeSingleTupleTableSlot(descriptor, &TTSOpsHeapTuple);
  ExecStoreHeapTuple(tuple, slot, false);
  EState* state = CreateExecutorState();
  ExprContext* context = GetPerTupleExprContext(state);
  context->ecxt_scantuple = slot;
  for (int i = 0; i < descriptor->natts; ++i) {
    if (TupleDescAttr(descriptor, i)->attgenerated != ATTRIBUTE_GENERATED_VIRTUAL) continue;
    auto* expression = reinterpret_cast<Expr*>(build_generation_expression(relation, i + 1));
    values[i] = ExecEvalExprSwitchContext(ExecPrepareExpr(expression, state), context, &nulls[i]);
  }
  HeapTuple completed = heap_form_tuple(descriptor, values, nulls);
  FreeExecutorState(state);
  ExecDropSingleTupleTableSlot(slot);
  return completed;
}

}  // namespace

HeapTuple with_virtual_columns(Relation relation, HeapTuple tuple) {
  const TupleConstr* constraints = RelationGetDescr(relation)->constr;
  if (constraints == nullptr || !constraints->has_generated_virtual) return tuple;
  return pg_call([&] { return compute(relation, tuple); });
}

}  // namespace cmms::pg

#else

namespace cmms::pg {

HeapTuple with_virtual_columns(Relation /*relation*/, HeapTuple tuple) { return tuple; }

}  // namespace cmms::pg

#endif
