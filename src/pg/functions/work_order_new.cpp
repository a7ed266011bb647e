// cmms.work_order_new(): the row trigger before INSERT. It completes local orders and refuses those that
// cannot be.
#include "pg/prelude.hpp"

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "pg/boundary/guard.hpp"
#include "pg/boundary/inserted_rows.hpp"
#include "pg/boundary/memory.hpp"
#include "pg/boundary/spi.hpp"
#include "pg/catalog/connection_cache.hpp"
#include "pg/catalog/owner_scope.hpp"
#include "pg/catalog/retired_references.hpp"
#include "pg/origin.hpp"

namespace cmms::pg {
namespace {

// A status that stamps the orders which are born in it.
struct Stamp {
  const char* status;
  const char* column;
};
constexpr std::array<Stamp, 4> stamps{{{"assigned", "assigned_at"},
                                       {"in_progress", "started_at"},
                                       {"completed", "completed_at"},
                                       {"closed", "closed_at"}}};

const TriggerData& trigger_data(FunctionCallInfo fcinfo) {
  const auto* data =
      CALLED_AS_TRIGGER(fcinfo) ? reinterpret_cast<const TriggerData*>(fcinfo->context) : nullptr;
  if (data == nullptr || !TRIGGER_FIRED_BY_INSERT(data->tg_event) || !TRIGGER_FIRED_BEFORE(data->tg_event) ||
      !TRIGGER_FIRED_FOR_ROW(data->tg_event)) {
    raise(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED, "cmms.work_order_new() is used in a wrong way",
          "It is a BEFORE INSERT trigger FOR EACH ROW.");
  }
  return *data;
}

// Where the table has what is looked at, found once for a statement.
struct Columns {
  explicit Columns(TupleDesc order)
      : tenant_id(column_number(order, "tenant_id", TEXTOID)),
        provider_id(column_number(order, "provider_id", TEXTOID)),
        sync_state(column_number(order, "sync_state", TEXTOID)),
        common_status(column_number(order, "common_status", TEXTOID)),
        asset_ref(column_number(order, "asset_ref", TEXTOID)),
        location_ref(column_number(order, "location_ref", TEXTOID)) {}

  int tenant_id;
  int provider_id;
  int sync_state;
  int common_status;
  int asset_ref;
  int location_ref;
};

const Columns& columns_of(FunctionCallInfo fcinfo, TupleDesc order) {
  FmgrInfo& function = *fcinfo->flinfo;
  if (function.fn_extra == nullptr) function.fn_extra = keep_in(function.fn_mcxt, Columns(order));
  return *static_cast<const Columns*>(function.fn_extra);
}

// The row that is to be inserted, and what is changed in it.
class NewOrder {
 public:
  NewOrder(HeapTuple tuple, TupleDesc descriptor) : tuple_(tuple), descriptor_(descriptor) {}

  bool is_null(int column) const { return heap_attisnull(tuple_, column, descriptor_); }

  std::optional<std::string> text(int column) const {
    const varlena* value = pg_call([&]() -> const varlena* {
      bool is_null = true;
      const Datum datum = heap_getattr(tuple_, column, descriptor_, &is_null);
      return is_null ? nullptr : pg_detoast_datum_packed(reinterpret_cast<varlena*>(DatumGetPointer(datum)));
    });
    if (value == nullptr) return std::nullopt;
    return std::string(VARDATA_ANY(value), static_cast<std::size_t>(VARSIZE_ANY_EXHDR(value)));
  }

  // Each column once, three of them at most: tenant, state and the status' time stamp.
  void set(int column, const Param& value) {
    columns_[count_] = column;
    nulls_[count_] = value.is_null();
    values_[count_] = value.is_null() ? Datum{0} : value.to_datum();
    ++count_;
  }

  HeapTuple changed() {
    if (count_ == 0) return tuple_;
    return pg_call([&] {
      return heap_modify_tuple_by_cols(tuple_, descriptor_, static_cast<int>(count_), columns_.data(),
                                       values_.data(), nulls_.data());
    });
  }

  TupleDesc descriptor() const { return descriptor_; }

 private:
  HeapTuple tuple_;
  TupleDesc descriptor_;
  std::size_t count_ = 0;
  std::array<int, 3> columns_{};
  std::array<Datum, 3> values_{};
  std::array<bool, 3> nulls_{};
};

// Fills the tenant in; returns it.
std::optional<std::string> complete_tenant(NewOrder& order, const Columns& columns,
                                           const std::optional<std::string>& provider_id) {
  const std::optional<std::string> given = order.text(columns.tenant_id);
  const std::optional<std::string> tenant =
      provider_id ? std::optional(provider_tenant(*provider_id)) : std::nullopt;
  if (given == tenant) return tenant;
  if (given && provider_id) {
    raise(ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION,
          "provider \"" + *provider_id + "\" does not belong to tenant \"" + *given + "\"", {},
          "Leave tenant_id out: it is filled in from the provider.");
  }
  order.set(columns.tenant_id, tenant);
  return tenant;
}

void check_references(const NewOrder& order, const Columns& columns, const std::string& tenant_id,
                      const std::string& provider_id) {
  static Statement statement("SELECT cmms.check_reference($1, $2, $3, $4)",
                             {TEXTOID, TEXTOID, TEXTOID, TEXTOID});
  const Spi spi;
  const auto check = [&](const char* kind, int column) {
    const std::optional<std::string> reference = order.text(column);
    if (reference && !reference->empty()) statement.execute({tenant_id, provider_id, kind, reference});
  };
  check("asset", columns.asset_ref);
  check("location", columns.location_ref);
}

// An order that is born in a late status gets that status' stamp.
void stamp(NewOrder& order, std::string_view status) {
  for (const Stamp& stamp : stamps) {
    if (status != stamp.status) continue;
    const int column = column_number(order.descriptor(), stamp.column, TIMESTAMPTZOID);
    if (order.is_null(column))
      order.set(column,
                Param::datum(TIMESTAMPTZOID, TimestampTzGetDatum(GetCurrentTransactionStartTimestamp())));
  }
}

HeapTuple completed(FunctionCallInfo fcinfo) {
  const TriggerData& data = trigger_data(fcinfo);
  if (current_origin() != Origin::local || is_restoring()) return data.tg_trigtuple;
  TupleDesc descriptor = RelationGetDescr(data.tg_relation);
  const Columns& columns = columns_of(fcinfo, descriptor);
  NewOrder order(data.tg_trigtuple, descriptor);
  const std::optional<std::string> provider_id = order.text(columns.provider_id);
  const std::optional<std::string> tenant_id = complete_tenant(order, columns, provider_id);
  if (order.text(columns.sync_state) != "pending") order.set(columns.sync_state, "pending");
  const bool has_references = !order.is_null(columns.asset_ref) || !order.is_null(columns.location_ref);
  if (has_references && tenant_id && has_retired_references(fcinfo->flinfo->fn_oid, *tenant_id)) {
    const OwnerScope scope(fcinfo->flinfo->fn_oid);
    check_references(order, columns, *tenant_id, *provider_id);
  }
  stamp(order, order.text(columns.common_status).value_or(""));
  return order.changed();
}

}  // namespace
}  // namespace cmms::pg

CMMS_FUNCTION(cmms_work_order_new) { return PointerGetDatum(cmms::pg::completed(fcinfo)); }
