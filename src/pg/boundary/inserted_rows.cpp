#include "pg/prelude.hpp"

#include "pg/boundary/inserted_rows.hpp"

#include <string>

#include "pg/boundary/guard.hpp"

namespace cmms::pg {

int column_number(TupleDesc descriptor, const char* name, Oid type) {
  const int number = pg_call([&] {
    const int found = SPI_fnumber(descriptor, name);
    if (found <= 0) return 0;
    const Oid its_type = TupleDescAttr(descriptor, found - 1)->atttypid;
    return its_type == type || getBaseType(its_type) == type ? found : 0;
  });
  if (number == 0) {
    raise(ERRCODE_UNDEFINED_COLUMN,
          "the table has no column \"" + std::string(name) + "\" as of work orders");
  }
  return number;
}

InsertedRows::InsertedRows(const TriggerData& data) : rows_(data.tg_newtable) {
  pg_call([&] {
    TupleDesc descriptor = CreateTupleDescCopy(RelationGetDescr(data.tg_relation));
    slot_ = MakeSingleTupleTableSlot(descriptor, &TTSOpsMinimalTuple);
    tuplestore_select_read_pointer(rows_, tuplestore_alloc_read_pointer(rows_, EXEC_FLAG_REWIND));
    tuplestore_rescan(rows_);
    count_ = tuplestore_tuple_count(rows_);
  });
}

void InsertedRows::next() {
  pg_call([&] {
    if (!tuplestore_gettupleslot(rows_, true, false, slot_)) elog(ERROR, "there is no other inserted row");
    slot_getallattrs(slot_);
  });
}

bool InsertedRows::is_null(int column) const { return slot_->tts_isnull[column - 1]; }

Param InsertedRows::value(int column, Oid type) const {
  return is_null(column) ? Param::null(type) : Param::datum(type, slot_->tts_values[column - 1]);
}

std::optional<std::string_view> InsertedRows::text(int column) const {
  if (is_null(column)) return std::nullopt;
  const varlena* value = pg_call([&] {
    return pg_detoast_datum_packed(
        reinterpret_cast<varlena*>(DatumGetPointer(slot_->tts_values[column - 1])));
  });
  return std::string_view(VARDATA_ANY(value), static_cast<std::size_t>(VARSIZE_ANY_EXHDR(value)));
}

}  // namespace cmms::pg
