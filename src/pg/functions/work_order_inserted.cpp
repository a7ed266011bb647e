// cmms.work_order_inserted(): the statement trigger after INSERT. It checks the vocabularies, and of local
// orders it writes outbox, status history and events, with one statement for all rows.
#include "pg/prelude.hpp"

#include <optional>
#include <string>

#include "pg/apply/event.hpp"
#include "pg/boundary/given_rows.hpp"
#include "pg/boundary/guard.hpp"
#include "pg/boundary/inserted_rows.hpp"
#include "pg/boundary/spi.hpp"
#include "pg/catalog/owner_scope.hpp"
#include "pg/origin.hpp"
#include "pg/store/business_columns.hpp"
#include "pg/store/vocabulary_check.hpp"
#include "pg/worker/wake.hpp"

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

constexpr GivenColumn order_columns[] = {{"tenant_id", TEXTOID},           {"common_work_order_id", UUIDOID},
                                         {"provider_id", TEXTOID},         {"source_work_order_id", TEXTOID},
                                         {"changed_fields", TEXTARRAYOID}, {"common_status", TEXTOID},
                                         {"source_status", TEXTOID}};

// New local orders on their way to the statements that read them as the table "inserted".
class NewOrders {
 public:
  explicit NewOrders(const InsertedRows& rows)
      : business_columns_(rows.descriptor()),
        tenant_id_(rows.column("tenant_id")),
        id_(rows.column("common_work_order_id")),
        provider_id_(rows.column("provider_id")),
        source_id_(rows.column("source_work_order_id")),
        common_status_(rows.column("common_status")),
        source_status_(rows.column("source_status")),
        orders_("inserted", order_columns) {}

  void add(const InsertedRows& rows) {
    const Param values[] = {rows.value(tenant_id_, TEXTOID),
                            rows.value(id_, UUIDOID),
                            rows.value(provider_id_, TEXTOID),
                            rows.value(source_id_, TEXTOID),
                            Param::datum(TEXTARRAYOID, names_of_set_columns(rows)),
                            rows.value(common_status_, TEXTOID),
                            rows.value(source_status_, TEXTOID)};
    orders_.add(values);
    is_empty_ = false;
  }

  void write() const;

 private:
  // Orders that follow each other mostly have the same columns set.
  Datum names_of_set_columns(const InsertedRows& rows) {
    store::BusinessColumnSet set;
    for (std::size_t i = 0; i < set.size(); ++i) set[i] = !rows.is_null(business_columns_.numbers()[i]);
    if (set != latest_set_) {
      latest_set_ = set;
      latest_names_ = store::names_of(set);
    }
    return latest_names_;
  }

  store::BusinessColumns business_columns_;
  int tenant_id_;
  int id_;
  int provider_id_;
  int source_id_;
  int common_status_;
  int source_status_;
  store::BusinessColumnSet latest_set_;  // a title or not: common_status is always set
  Datum latest_names_ = 0;
  GivenRows orders_;
  bool is_empty_ = true;
};

// The role on whose behalf the session acts, as cmms.calling_role says.
std::string calling_role() {
  return pg_call([] {
    const char* role = GetConfigOption("role", false, false);
    return strcmp(role, "none") == 0 ? GetUserNameFromId(GetSessionUserId(), false) : role;
  });
}

// Whether one of the providers needs more than a row in the outbox; most do not.
bool is_special() {
  static Statement statement(
      "SELECT EXISTS (SELECT FROM cmms.provider p WHERE p.mode <> 'write_back'"
      " AND p.provider_id = ANY (ARRAY(SELECT n.provider_id FROM inserted n)))",
      {});
  return statement.execute().boolean(0, 0);
}

void enqueue_special() {
  static Statement statement(
      "SELECT cmms.enqueue(array_agg(ROW(n.tenant_id, n.common_work_order_id, n.provider_id,"
      " n.source_work_order_id, n.changed_fields, NULL, n.common_status, n.source_status,"
      " NULL)::cmms.work_order_change), is_insert => true) FROM inserted n",
      {});
  statement.execute();
}

void NewOrders::write() const {
  // One statement for all that is only added: a transaction of one order, as most are, pays for each.
  static Statement statement(
      "WITH queued AS ("
      "  INSERT INTO cmms.outbox (tenant_id, record_id, provider_id, operation, changed_fields,"
      "                           source_record_id, changed_by)"
      "  SELECT n.tenant_id, n.common_work_order_id, n.provider_id,"
      "         CASE WHEN n.source_work_order_id IS NULL THEN 'create' ELSE 'update' END,"
      "         n.changed_fields, n.source_work_order_id, $1 FROM inserted n WHERE NOT $2),"
      " history AS ("
      "  INSERT INTO cmms.status_history (tenant_id, common_work_order_id, to_status, source_status, cause,"
      "                                   changed_by)"
      "  SELECT n.tenant_id, n.common_work_order_id, n.common_status, n.source_status, 'local', $1"
      "  FROM inserted n),"
      " written AS ("
      "  INSERT INTO cmms.event AS e (tenant_id, event_type, provider_id, record_id, detail)"
      "  SELECT n.tenant_id, 'work_order.created', n.provider_id, n.common_work_order_id,"
      "         '{\"cause\": \"local\"}' FROM inserted n"
      "  RETURNING e.tenant_id, e.provider_id, e.event_id)"
      " SELECT w.tenant_id, w.provider_id, count(*), max(w.event_id) FROM written w"
      " GROUP BY w.tenant_id, w.provider_id",
      {TEXTOID, BOOLOID});
  if (is_empty_) return;
  const bool special = is_special();
  if (special) enqueue_special();
  const Rows written = statement.execute({calling_role(), special});
  for (std::size_t i = 0; i < written.size(); ++i) {
    announce_events({.event_type = "work_order.created",
                     .tenant_id = written.text_or(i, 0, ""),
                     .provider_id = written.text_or(i, 1, ""),
                     .records = written.integer(i, 2),
                     .last_event_id = written.integer(i, 3)});
  }
  wake_worker_at_commit();
}

void inserted(FunctionCallInfo fcinfo) {
  const TriggerData& data = trigger_data(fcinfo);
  const OwnerScope scope(fcinfo->flinfo->fn_oid);
  const Spi spi;
  InsertedRows rows(data);
  store::VocabularyCheck statuses = store::check_of_statuses(rows);
  store::VocabularyCheck priorities = store::check_of_priorities(rows);
  std::optional<NewOrders> new_orders;
  if (current_origin() == Origin::local && !is_restoring()) new_orders.emplace(rows);
  while (rows.next()) {
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
