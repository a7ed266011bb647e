// cmms.check_vocabulary(): the statement trigger that stands in for the row by row checks of inserted orders
// by the foreign keys to common_status and priority. It asks what those ask, but once for each value.
#include "pg/prelude.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>

#include "pg/boundary/guard.hpp"
#include "pg/boundary/spi.hpp"
#include "pg/catalog/owner_scope.hpp"

namespace cmms::pg {
namespace {

const TriggerData& trigger_data(FunctionCallInfo fcinfo) {
  const auto* data =
      CALLED_AS_TRIGGER(fcinfo) ? reinterpret_cast<const TriggerData*>(fcinfo->context) : nullptr;
  if (data == nullptr || !TRIGGER_FIRED_BY_INSERT(data->tg_event) || data->tg_newtable == nullptr) {
    raise(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED, "cmms.check_vocabulary() is used in a wrong way",
          "It is an AFTER INSERT trigger that refers to its new rows as a table.");
  }
  return *data;
}

// The rows that the statement inserted, one at a time. Its memory goes with the trigger's call.
class InsertedRows {
 public:
  explicit InsertedRows(const TriggerData& data) : rows_(data.tg_newtable) {
    pg_call([&] {
      TupleDesc descriptor = CreateTupleDescCopy(RelationGetDescr(data.tg_relation));
      slot_ = MakeSingleTupleTableSlot(descriptor, &TTSOpsMinimalTuple);
      tuplestore_select_read_pointer(rows_, tuplestore_alloc_read_pointer(rows_, EXEC_FLAG_REWIND));
      tuplestore_rescan(rows_);
    });
  }

  bool next() {
    return pg_call([&] { return tuplestore_gettupleslot(rows_, true, false, slot_); });
  }

  // Valid until the next row.
  std::optional<std::string_view> text(int column) const {
    bool is_null = true;
    const varlena* value = pg_call([&]() -> const varlena* {
      const Datum datum = slot_getattr(slot_, column, &is_null);
      return is_null ? nullptr : pg_detoast_datum_packed(reinterpret_cast<varlena*>(DatumGetPointer(datum)));
    });
    if (value == nullptr) return std::nullopt;
    return std::string_view(VARDATA_ANY(value), static_cast<std::size_t>(VARSIZE_ANY_EXHDR(value)));
  }

 private:
  Tuplestorestate* rows_;
  TupleTableSlot* slot_ = nullptr;
};

// A column whose values are the names in the table that is called as it is.
class Vocabulary {
 public:
  Vocabulary(const char* name, Statement& look_up, Relation relation)
      : name_(name), look_up_(look_up), relation_(relation) {
    column_ = pg_call([&] { return SPI_fnumber(RelationGetDescr(relation), name); });
    if (column_ <= 0)
      raise(ERRCODE_UNDEFINED_COLUMN, "the table has no column \"" + std::string(name) + "\"");
  }

  void collect(const InsertedRows& rows) {
    const std::optional<std::string_view> value = rows.text(column_);
    if (!value || *value == latest_) return;
    latest_ = *values_.emplace(*value).first;
  }

  // Each value's row in the vocabulary is locked as the foreign key would lock it: it stays until the commit.
  void check() const {
    for (const std::string& value : values_) {
      if (look_up_.execute({value}).empty()) refuse(value);
    }
  }

 private:
  [[noreturn]] void refuse(const std::string& value) const {
    pg_call([&] {
      const char* table = RelationGetRelationName(relation_);
      char* constraint = psprintf("%s_%s_fkey", table, name_);
      ereport(ERROR, (errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
                      errmsg("insert or update on table \"%s\" violates foreign key constraint \"%s\"", table,
                             constraint),
                      errdetail("Key (%s)=(%s) is not present in table \"%s\".", name_, value.c_str(), name_),
                      errtableconstraint(relation_, constraint)));
    });
    pg_unreachable();
  }

  const char* name_;
  Statement& look_up_;
  Relation relation_;
  int column_ = 0;
  std::unordered_set<std::string> values_;
  std::string_view latest_;  // rows that follow each other mostly have the same
};

void check(FunctionCallInfo fcinfo) {
  static Statement status("SELECT FROM cmms.common_status v WHERE v.name = $1 FOR KEY SHARE", {TEXTOID});
  static Statement priority("SELECT FROM cmms.priority v WHERE v.name = $1 FOR KEY SHARE", {TEXTOID});
  const TriggerData& data = trigger_data(fcinfo);
  Vocabulary statuses("common_status", status, data.tg_relation);
  Vocabulary priorities("priority", priority, data.tg_relation);
  InsertedRows rows(data);
  while (rows.next()) {
    statuses.collect(rows);
    priorities.collect(rows);
  }
  const OwnerScope scope(fcinfo->flinfo->fn_oid);
  const Spi spi;
  statuses.check();
  priorities.check();
}

}  // namespace
}  // namespace cmms::pg

CMMS_FUNCTION(cmms_check_vocabulary) {
  cmms::pg::check(fcinfo);
  return PointerGetDatum(nullptr);
}
