#include "pg/prelude.hpp"

#include "pg/functions/new_orders.hpp"

#include <iterator>
#include <string>
#include <string_view>
#include <utility>

#include "pg/apply/event.hpp"
#include "pg/store/record_table.hpp"

namespace cmms::pg {
namespace {

constexpr GivenColumn order_columns[] = {{"tenant_id", TEXTOID},           {"common_work_order_id", UUIDOID},
                                         {"provider_id", TEXTOID},         {"source_work_order_id", TEXTOID},
                                         {"changed_fields", TEXTARRAYOID}, {"common_status", TEXTOID},
                                         {"source_status", TEXTOID}};

constexpr std::size_t provider_place = 2;  // among these

// The statement for one order instead of the rows n of the table "inserted".
std::string for_one(std::string text, std::size_t first_parameter) {
  store::replace_all(text, " FROM inserted n", "");
  for (std::size_t i = 0; i < std::size(order_columns); ++i) {
    store::replace_all(text, std::string("n.") + order_columns[i].name,
                       "$" + std::to_string(first_parameter + i));
  }
  return text;
}

// A statement about new orders in both forms; parameters of its own come first.
class OrderStatement {
 public:
  OrderStatement(std::string for_many, std::string for_one_of_them, std::vector<Oid> own_types)
      : many_sql_(std::move(for_many)),
        one_sql_(for_one(std::move(for_one_of_them), own_types.size() + 1)),
        many_(many_sql_.c_str(), own_types),
        one_(one_sql_.c_str(), with_order_types(own_types)) {}
  OrderStatement(const std::string& sql, std::vector<Oid> own_types)
      : OrderStatement(sql, sql, std::move(own_types)) {}

  Rows execute(std::vector<Param> own, bool is_one, const std::vector<Param>& order) {
    if (!is_one) return many_.execute(own);
    own.insert(own.end(), order.begin(), order.end());
    return one_.execute(own);
  }

 private:
  static std::vector<Oid> with_order_types(std::vector<Oid> types) {
    for (const GivenColumn& column : order_columns) types.push_back(column.type);
    return types;
  }

  std::string many_sql_;
  std::string one_sql_;
  Statement many_;
  Statement one_;
};

constexpr char added[] =
    "WITH queued AS ("
    "  INSERT INTO cmms.outbox (tenant_id, record_id, provider_id, operation, changed_fields,"
    "                           source_record_id, changed_by)"
    "  SELECT n.tenant_id, n.common_work_order_id, n.provider_id,"
    "         CASE WHEN n.source_work_order_id IS NULL THEN 'create' ELSE 'update' END,"
    "         n.changed_fields, n.source_work_order_id, (SELECT cmms.calling_role()) FROM inserted n WHERE "
    "NOT $1),"
    " history AS ("
    "  INSERT INTO cmms.status_history (tenant_id, common_work_order_id, to_status, source_status, cause,"
    "                                   changed_by)"
    "  SELECT n.tenant_id, n.common_work_order_id, n.common_status, n.source_status, 'local', (SELECT "
    "cmms.calling_role())"
    "  FROM inserted n)";
constexpr char told[] =
    " INSERT INTO cmms.event AS e (tenant_id, event_type, provider_id, record_id, detail)"
    " SELECT n.tenant_id, 'work_order.created', n.provider_id, n.common_work_order_id,"
    "        '{\"cause\": \"local\"}'::jsonb FROM inserted n"
    " RETURNING e.tenant_id, e.provider_id";

}  // namespace

NewOrders::NewOrders(const InsertedRows& rows) : business_columns_(rows.descriptor()) {
  for (const GivenColumn& column : order_columns) {
    const bool is_made = std::string_view(column.name) == "changed_fields";
    columns_.push_back(is_made ? 0 : rows.column(column.name, column.type));
  }
  if (rows.count() > 1) many_.emplace("inserted", order_columns);
}

Datum NewOrders::names_of_set_columns(const InsertedRows& rows) {
  store::BusinessColumnSet set;
  for (std::size_t i = 0; i < set.size(); ++i) set[i] = !rows.is_null(business_columns_.numbers()[i]);
  const auto known = names_.find(set);
  if (known != names_.end()) return known->second;
  return names_.emplace(set, store::names_of(set)).first->second;
}

void NewOrders::add(const InsertedRows& rows) {
  latest_.clear();
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    latest_.push_back(columns_[i] == 0 ? Param::datum(TEXTARRAYOID, names_of_set_columns(rows))
                                       : rows.value(columns_[i], order_columns[i].type));
  }
  queues_ |= wake_for_queue(rows.text(columns_[provider_place]).value_or(""));
  if (many_) many_->add(latest_);
}

void NewOrders::write() const {
  // Whether one of the providers needs more than a row in the outbox; most do not.
  static OrderStatement is_special(
      "SELECT EXISTS (SELECT FROM cmms.provider p WHERE p.mode <> 'write_back'"
      " AND p.provider_id = ANY (ARRAY(SELECT n.provider_id FROM inserted n)))",
      {});
  static OrderStatement enqueue(
      "SELECT cmms.enqueue(array_agg(ROW(n.tenant_id, n.common_work_order_id, n.provider_id,"
      " n.source_work_order_id, n.changed_fields, NULL, n.common_status, n.source_status,"
      " NULL)::cmms.work_order_change), is_insert => true) FROM inserted n",
      {});
  static OrderStatement add_all(
      std::string(added) + ", written AS (" + told +
          ", e.event_id) SELECT w.tenant_id, w.provider_id, count(*), max(w.event_id)"
          " FROM written w GROUP BY w.tenant_id, w.provider_id",
      std::string(added) + told + ", 1::bigint, e.event_id", {BOOLOID});
  if (latest_.empty()) return;
  const bool is_one = !many_;
  const bool special = is_special.execute({}, is_one, latest_).boolean(0, 0);
  if (special) enqueue.execute({}, is_one, latest_);
  const Rows written = add_all.execute({special}, is_one, latest_);
  for (std::size_t i = 0; i < written.size(); ++i) {
    announce_events({.event_type = "work_order.created",
                     .tenant_id = written.text_or(i, 0, ""),
                     .provider_id = written.text_or(i, 1, ""),
                     .records = written.integer(i, 2),
                     .last_event_id = written.integer(i, 3)});
  }
  wake_worker_at_commit(queues_);
}

}  // namespace cmms::pg
