#include "pg/prelude.hpp"

#include "pg/json/row_jsonb.hpp"

#include "pg/boundary/guard.hpp"

extern "C" {
#include "nodes/makefuncs.h"
#include "utils/fmgroids.h"
}

namespace cmms::pg {
namespace {

// All of this runs inside pg_call(): plain data only.

bool has_local_time(TupleDesc descriptor) {
  for (int i = 0; i < descriptor->natts; ++i) {
    const auto* column = TupleDescAttr(descriptor, i);
    if (column->atttypid == TIMESTAMPOID && !column->attisdropped) return true;
  }
  return false;
}

// The row as an anonymous record whose `timestamp` columns are timestamptz.
Datum row_on_the_time_line(TupleDesc descriptor, HeapTuple tuple) {
  auto* values = static_cast<Datum*>(palloc(static_cast<Size>(descriptor->natts) * sizeof(Datum)));
  auto* nulls = static_cast<bool*>(palloc(static_cast<Size>(descriptor->natts) * sizeof(bool)));
  heap_deform_tuple(tuple, descriptor, values, nulls);
  TupleDesc changed = CreateTupleDescCopy(descriptor);
  for (int i = 0; i < descriptor->natts; ++i) {
    const auto* column = TupleDescAttr(descriptor, i);
    if (column->attisdropped) {
      nulls[i] = true;
      continue;
    }
    if (column->atttypid != TIMESTAMPOID) continue;
    TupleDescInitEntry(changed, static_cast<AttrNumber>(i + 1), NameStr(column->attname), TIMESTAMPTZOID, -1,
                       0);
    if (!nulls[i]) values[i] = DirectFunctionCall1(timestamp_timestamptz, values[i]);
  }
  changed->tdtypeid = RECORDOID;
  changed->tdtypmod = -1;
  BlessTupleDesc(changed);
  return HeapTupleGetDatum(heap_form_tuple(changed, values, nulls));
}

// to_jsonb() learns the type of its argument from the call's expression.
Datum to_jsonb_of(Datum row, Oid type) {
  FmgrInfo function;
  fmgr_info(F_TO_JSONB, &function);
  Const* argument = makeNullConst(type, -1, InvalidOid);
  fmgr_info_set_expr(reinterpret_cast<fmNodePtr>(makeFuncExpr(F_TO_JSONB, JSONBOID, list_make1(argument),
                                                              InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL)),
                     &function);
  return FunctionCall1(&function, row);
}

}  // namespace

Jsonb* row_jsonb(TupleDesc descriptor, HeapTuple tuple) {
  return pg_call([&] {
    if (has_local_time(descriptor)) {
      return DatumGetJsonbP(to_jsonb_of(row_on_the_time_line(descriptor, tuple), RECORDOID));
    }
    return DatumGetJsonbP(to_jsonb_of(heap_copy_tuple_as_datum(tuple, descriptor), descriptor->tdtypeid));
  });
}

}  // namespace cmms::pg
