#include "pg/prelude.hpp"

#include "pg/boundary/result_set.hpp"

#include <array>

#include "pg/boundary/guard.hpp"
#include "pg/boundary/memory.hpp"

namespace cmms::pg {
namespace {

TupleDesc result_descriptor(FunctionCallInfo fcinfo) {
  Oid type = InvalidOid;
  TupleDesc descriptor = nullptr;
  switch (get_call_result_type(fcinfo, &type, &descriptor)) {
    case TYPEFUNC_COMPOSITE:
      return CreateTupleDescCopy(descriptor);
    case TYPEFUNC_SCALAR:
      descriptor = CreateTemplateTupleDesc(1);
      TupleDescInitEntry(descriptor, 1, "result", type, -1, 0);
      return descriptor;
    default:
      elog(ERROR, "the function's result type is not known");
  }
}

}  // namespace

ResultSet::ResultSet(FunctionCallInfo fcinfo) : fcinfo_(fcinfo) {
  pg_call([&] {
    auto* info = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
    if (info == nullptr || !IsA(info, ReturnSetInfo) || (info->allowedModes & SFRM_Materialize) == 0) {
      ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                      errmsg("set-valued function called in context that cannot accept a set")));
    }
    MemoryContext previous = MemoryContextSwitchTo(info->econtext->ecxt_per_query_memory);
    descriptor_ = result_descriptor(fcinfo);
    store_ = tuplestore_begin_heap((info->allowedModes & SFRM_Materialize_Random) != 0, false, work_mem);
    row_context_ = AllocSetContextCreate(CurrentMemoryContext, "pg_cmms result row", ALLOCSET_DEFAULT_SIZES);
    MemoryContextSwitchTo(previous);
    info->returnMode = SFRM_Materialize;
    info->setResult = store_;
    info->setDesc = descriptor_;
  });
}

void ResultSet::add(std::initializer_list<Param> columns) {
  constexpr std::size_t max_columns = 32;
  std::array<Datum, max_columns> values{};
  std::array<bool, max_columns> nulls{};
  if (columns.size() > max_columns || columns.size() != static_cast<std::size_t>(descriptor_->natts)) {
    raise(ERRCODE_INTERNAL_ERROR, "a result row has another number of columns than declared");
  }
  const ContextScope scope(row_context_);
  int position = 0;
  for (const Param& column : columns) {
    if (column.type() != TupleDescAttr(descriptor_, position)->atttypid) {
      raise(ERRCODE_INTERNAL_ERROR, "result column " + std::to_string(position + 1) + " is of another type");
    }
    ++position;
  }
  pg_call([&] {
    Param::make_row({columns.begin(), columns.size()}, values.data(), nulls.data());
    tuplestore_putvalues(store_, descriptor_, values.data(), nulls.data());
    MemoryContextReset(row_context_);
  });
}

Datum ResultSet::done() const {
  fcinfo_->isnull = true;
  return 0;
}

}  // namespace cmms::pg
