// cmms.work_order_inserted(): the statement trigger after INSERT. It checks the vocabularies, and of local
// orders it writes outbox, status history and events, with one statement for all rows.
#include "pg/prelude.hpp"

#include <cstdint>
#include <optional>

#include "pg/boundary/guard.hpp"
#include "pg/boundary/inserted_rows.hpp"
#include "pg/boundary/spi.hpp"
#include "pg/catalog/owner_scope.hpp"
#include "pg/functions/new_orders.hpp"
#include "pg/origin.hpp"
#include "pg/store/vocabulary_check.hpp"

namespace cmms::pg {
namespace {

const TriggerData& trigger_data(FunctionCallInfo fcinfo) {
  const auto* data =
      CALLED_AS_TRIGGER(fcinfo) ? reinterpret_cast<const TriggerData*>(fcinfo->context) : nullptr;
  if (data == nullptr || !TRIGGER_FIRED_BY_INSERT(data->tg_event) || data->tg_newtable == nullptr) {
    raise(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED, "cmms.work_order_inserted() is used in a wrong way",
          "It is an AFTER INSERT trigger that refers to its new rows as a table.");
  }
  return *data;
}

void inserted(FunctionCallInfo fcinfo) {
  const TriggerData& data = trigger_data(fcinfo);
  const OwnerScope scope(fcinfo->flinfo->fn_oid);
  const Spi spi;
  InsertedRows rows(data);
  store::VocabularyCheck statuses("common_status", store::statuses(), rows);
  store::VocabularyCheck priorities("priority", store::priorities(), rows);
  std::optional<NewOrders> new_orders;
  if (current_origin() == Origin::local && !is_restoring()) new_orders.emplace(rows);
  for (std::int64_t i = 0; i < rows.count(); ++i) {
    rows.next();
    statuses.collect(rows);
    priorities.collect(rows);
    if (new_orders) new_orders->add(rows);
  }
  statuses.check(data.tg_relation);
  priorities.check(data.tg_relation);
  if (new_orders) new_orders->write();
}

}  // namespace
}  // namespace cmms::pg

CMMS_FUNCTION(cmms_work_order_inserted) {
  cmms::pg::inserted(fcinfo);
  return PointerGetDatum(nullptr);
}
