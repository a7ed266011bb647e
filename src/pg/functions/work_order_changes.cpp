// cmms.work_order_changes(before, after): in which business columns two versions of an order differ.
#include "pg/prelude.hpp"

#include <array>
#include <optional>

#include "pg/boundary/guard.hpp"
#include "pg/store/business_columns.hpp"

extern "C" {
#include "utils/datum.h"
#include "utils/typcache.h"
}

namespace cmms::pg {
namespace {

// A row of cmms.work_order, taken apart.
struct Version {
  TupleDesc descriptor = nullptr;
  Datum* values = nullptr;
  bool* nulls = nullptr;
};

Version read_version(Datum row) {
  return pg_call([&] {
    HeapTupleHeader header = DatumGetHeapTupleHeader(row);
    TupleDesc shared =
        lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(header), HeapTupleHeaderGetTypMod(header));
    Version version;
    version.descriptor = CreateTupleDescCopy(shared);
    ReleaseTupleDesc(shared);
    const auto width = static_cast<std::size_t>(version.descriptor->natts);
    version.values = static_cast<Datum*>(palloc(width * sizeof(Datum)));
    version.nulls = static_cast<bool*>(palloc(width * sizeof(bool)));
    HeapTupleData tuple{};
    tuple.t_len = HeapTupleHeaderGetDatumLength(header);
    tuple.t_data = header;
    heap_deform_tuple(&tuple, version.descriptor, version.values, version.nulls);
    return version;
  });
}

// As IS DISTINCT FROM says: mostly the bytes are the same already.
bool same_value(const FormData_pg_attribute& column, Datum one, Datum other) {
  return pg_call([&] {
    if (datumIsEqual(one, other, column.attbyval, column.attlen)) return true;
    TypeCacheEntry* type = lookup_type_cache(column.atttypid, TYPECACHE_EQ_OPR_FINFO);
    return DatumGetBool(FunctionCall2Coll(&type->eq_opr_finfo, column.attcollation, one, other));
  });
}

bool differs(const Version& before, const Version& after, int number) {
  const int place = number - 1;
  if (before.nulls[place] || after.nulls[place]) return before.nulls[place] != after.nulls[place];
  return !same_value(*TupleDescAttr(after.descriptor, place), before.values[place], after.values[place]);
}

Datum changes(FunctionCallInfo fcinfo) {
  const auto version = [&](int argument) {
    return PG_ARGISNULL(argument) ? std::nullopt : std::optional(read_version(PG_GETARG_DATUM(argument)));
  };
  const std::optional<Version> before = version(0);
  const std::optional<Version> after = version(1);
  store::BusinessColumnSet changed;
  if (before || after) {
    const store::BusinessColumns columns((before ? *before : *after).descriptor);
    for (std::size_t i = 0; i < changed.size(); ++i) {
      const int number = columns.numbers()[i];
      if (before && after) {
        changed[i] = differs(*before, *after, number);
      } else {
        changed[i] = !(before ? *before : *after).nulls[number - 1];
      }
    }
  }
  return store::names_of(changed);
}

}  // namespace
}  // namespace cmms::pg

CMMS_FUNCTION(cmms_work_order_changes) { return cmms::pg::changes(fcinfo); }
