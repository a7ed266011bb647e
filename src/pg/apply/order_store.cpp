#include "pg/prelude.hpp"

#include "pg/apply/order_store.hpp"

#include <vector>

#include "pg/boundary/guard.hpp"
#include "pg/boundary/spi.hpp"
#include "pg/json/jsonb_reader.hpp"

namespace cmms::pg {
namespace {

TransactionId version_of(const Rows& rows) {
  bool is_null = false;
  return DatumGetTransactionId(rows.datum(0, 1, &is_null));
}

// A copy in the current memory context: the row goes with its statement.
json::Value kept_json(const Rows& rows, std::size_t column) {
  bool is_null = false;
  const Datum value = rows.datum(0, column, &is_null);
  if (is_null) return {};
  return jsonb_value(pg_call([&] { return DatumGetJsonbPCopy(value); }));
}

StoredOrder read_stored(const Rows& rows) {
  return {.common_work_order_id = rows.text_or(0, 0, ""),
          .version = version_of(rows),
          .newer = rows.text_or(0, 2, ""),
          .says_the_same = rows.boolean(0, 3),
          .is_adopted = rows.boolean(0, 4),
          .awaits_echo = rows.boolean(0, 5),
          .sync_state = rows.text_or(0, 6, ""),
          .said_last = kept_json(rows, 7)};
}

std::optional<StoredOrder> find_by_source_id(const IncomingRecord& record) {
  static Statement statement(
      "SELECT w.common_work_order_id, w.xmin,"
      " CASE WHEN $4 < w.source_updated_at THEN to_char(w.source_updated_at AT TIME ZONE 'UTC',"
      " '\"the version of \"YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z is stored\"') END,"
      " w.source_doc = $5 AND $6 <@ w.source_fields, false, w.awaited_echo IS NOT NULL, w.sync_state,"
      " w.source_fields"
      " FROM cmms.work_order w WHERE w.tenant_id = $1 AND w.provider_id = $2 AND w.source_work_order_id = $3",
      {TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID, JSONBOID, JSONBOID});
  const Rows rows =
      statement.execute({record.tenant_id, record.provider_id, record.source_id,
                         Param::typed(TIMESTAMPTZOID, record.updated_at),
                         Param::datum(JSONBOID, record.document), Param::datum(JSONBOID, record.fields)});
  if (rows.empty()) return std::nullopt;
  return read_stored(rows);
}

// A reference in another record's text is a copy, not a claim: it has an id already.
std::optional<StoredOrder> find_by_reference(const IncomingRecord& record) {
  static Statement statement(
      "SELECT w.common_work_order_id, w.xmin, NULL, false, true, w.awaited_echo IS NOT NULL, w.sync_state,"
      " w.source_fields FROM cmms.work_order w"
      " WHERE w.tenant_id = $1 AND w.provider_id = $2 AND w.common_work_order_id = $3"
      " AND w.source_work_order_id IS NULL",
      {TEXTOID, TEXTOID, UUIDOID});
  const Rows rows =
      statement.execute({record.tenant_id, record.provider_id, Param::typed(UUIDOID, record.reference)});
  if (rows.empty()) return std::nullopt;
  return read_stored(rows);
}

// What a provider's record can say, and what stands in for it where it says nothing.
struct Column {
  const char* name;
  Oid type;
  const char* default_value = nullptr;
};

constexpr Column columns[] = {{"identifier", TEXTOID},
                              {"title", TEXTOID},
                              {"description", TEXTOID},
                              {"work_type", TEXTOID},
                              {"issue_type", TEXTOID},
                              {"asset_ref", TEXTOID},
                              {"location_ref", TEXTOID},
                              {"requester", TEXTOID},
                              {"assignees", TEXTARRAYOID},
                              {"vendors", TEXTARRAYOID},
                              {"common_status", TEXTOID, "requested"},
                              {"source_status", TEXTOID},
                              {"source_allowed_statuses", TEXTARRAYOID},
                              {"priority", TEXTOID, "none"},
                              {"source_priority", TEXTOID},
                              {"planned_start_at", TIMESTAMPTZOID},
                              {"planned_end_at", TIMESTAMPTZOID},
                              {"actual_start_at", TIMESTAMPTZOID},
                              {"actual_end_at", TIMESTAMPTZOID},
                              {"sla_due_at", TIMESTAMPTZOID},
                              {"assigned_at", TIMESTAMPTZOID},
                              {"acknowledged_at", TIMESTAMPTZOID},
                              {"started_at", TIMESTAMPTZOID},
                              {"completed_at", TIMESTAMPTZOID},
                              {"closed_at", TIMESTAMPTZOID},
                              {"labor_cost", NUMERICOID},
                              {"material_cost", NUMERICOID},
                              {"total_cost", NUMERICOID},
                              {"currency", TEXTOID},
                              {"nte_limit", NUMERICOID},
                              {"nte_limit_original", NUMERICOID},
                              {"nte_currency", TEXTOID},
                              {"metadata", JSONBOID, "{}"},
                              {"source_work_order_id", TEXTOID},
                              {"source_updated_at", TIMESTAMPTZOID},
                              {"source_revision", TEXTOID}};

Param column_value(const Column& column, const json::Field* field) {
  if (field == nullptr || field->is_null()) {
    return column.default_value == nullptr ? Param::null(column.type)
                                           : Param::typed(column.type, column.default_value);
  }
  switch (column.type) {
    case TEXTOID:
      return Param::datum(TEXTOID, Param(column_text(*field)).to_datum());
    case TEXTARRAYOID:
      return Param::datum(TEXTARRAYOID, text_array_from_field(*field));
    case JSONBOID:
      return Param::datum(JSONBOID, jsonb_from_field(*field));
    default:
      return Param::typed(column.type, field->text);
  }
}

constexpr int first_column_parameter = 6;

// The order, the start of its history and its event, in one statement because a webhook's whole cost is the
// number of its statements. Nothing is inserted of what we deleted and its provider is yet to be told of, nor
// where another session is inserting the same record: its row wins, and this news is then applied to that.
std::string waiting_deletion(std::string_view source_id) {
  return "SELECT FROM cmms.outbox q WHERE q.provider_id = $2 AND q.operation = 'delete' AND "
         "q.source_record_id = " +
         std::string(source_id);
}

std::string insert_statement() {
  std::string names;
  std::string values;
  int parameter = first_column_parameter;
  std::string source_id;
  for (const Column& column : columns) {
    const std::string value = "$" + std::to_string(parameter++);
    if (std::string_view(column.name) == "source_work_order_id") source_id = value;
    names += std::string(", ") + column.name;
    values += ", " + value;
  }
  return "WITH made AS (INSERT INTO cmms.work_order"
         " (tenant_id, provider_id, source_doc, source_fields, sync_state, last_synced_at" +
         names + ") SELECT $1, $2, $3, $4, 'imported', now()" + values + " WHERE NOT EXISTS (" +
         waiting_deletion(source_id) +
         ") ON CONFLICT (tenant_id, provider_id, source_work_order_id) WHERE source_work_order_id IS NOT NULL"
         " DO NOTHING RETURNING common_work_order_id, common_status, source_status),"
         " opened AS (INSERT INTO cmms.status_history"
         " (tenant_id, common_work_order_id, to_status, source_status, cause, changed_by)"
         " SELECT $1, m.common_work_order_id, m.common_status, m.source_status, 'provider', "
         "cmms.calling_role()"
         " FROM made m)"
         " INSERT INTO cmms.event AS e (tenant_id, event_type, provider_id, record_id, detail)"
         " SELECT $1, 'work_order.created', $2, m.common_work_order_id,"
         " jsonb_build_object('cause', 'provider', 'map_version', $5::integer) FROM made m"
         " RETURNING e.record_id, e.event_id, EXISTS (SELECT FROM cmms.held_record h WHERE h.tenant_id = $1"
         " AND h.provider_id = $2 AND h.resource = 'work_order' AND h.direction = 'inbound'"
         " AND h.source_record_id = " +
         source_id + ")";
}

std::vector<Oid> insert_parameter_types() {
  std::vector<Oid> types = {TEXTOID, TEXTOID, JSONBOID, JSONBOID, INT4OID};
  for (const Column& column : columns) types.push_back(column.type);
  return types;
}

// An earlier version of the record could not be mapped.
void release_held_record(const IncomingRecord& record) {
  static Statement statement(
      "DELETE FROM cmms.held_record h WHERE h.tenant_id = $1 AND h.provider_id = $2"
      " AND h.resource = 'work_order' AND h.direction = 'inbound' AND h.source_record_id = $3",
      {TEXTOID, TEXTOID, TEXTOID});
  statement.execute({record.tenant_id, record.provider_id, record.source_id});
}

}  // namespace

std::optional<StoredOrder> find_order(const IncomingRecord& record) {
  std::optional<StoredOrder> stored;
  if (record.source_id) stored = find_by_source_id(record);
  if (!stored && record.reference) stored = find_by_reference(record);
  return stored;
}

bool deletion_waits(const IncomingRecord& record) {
  static const std::string sql = "SELECT EXISTS (" + waiting_deletion("$3") + ")";
  static Statement statement(sql.c_str(), {TEXTOID, TEXTOID, TEXTOID});
  return statement.execute({record.tenant_id, record.provider_id, record.source_id}).boolean(0, 0);
}

std::optional<OrderWrite> insert_order(const IncomingRecord& record) {
  static const std::string sql = insert_statement();
  static Statement statement(sql.c_str(), insert_parameter_types());
  std::vector<Param> parameters = {record.tenant_id, record.provider_id,
                                   Param::datum(JSONBOID, record.document),
                                   Param::datum(JSONBOID, record.fields), record.map_version};
  for (const Column& column : columns) {
    parameters.push_back(column_value(column, record.mapped.find(column.name)));
  }
  const Rows rows = statement.execute(parameters);
  if (rows.empty()) return std::nullopt;
  if (rows.boolean(0, 2)) release_held_record(record);
  return OrderWrite{.outcome = "created",
                    .detail = {},
                    .common_work_order_id = rows.text_or(0, 0, ""),
                    .event = WrittenEvent{"work_order.created", rows.integer(0, 1)}};
}

std::optional<LocalSide> read_local_side(const IncomingRecord& record, const StoredOrder& stored, Lock lock) {
  // First the order, then what waits of it, as a change by the application locks them.
  constexpr const char* order_sql =
      "SELECT to_jsonb(w), $4 > w.updated_at FROM cmms.work_order w"
      " WHERE w.tenant_id = $1 AND w.common_work_order_id = $2 AND w.xmin = $3";
  constexpr const char* waiting_sql =
      "SELECT q.changed_fields, q.state IN ('in_flight', 'in_doubt') FROM cmms.outbox q"
      " WHERE q.tenant_id = $1 AND q.resource = 'work_order' AND q.record_id = $2";
  static const std::string locked_order_sql = std::string(order_sql) + " FOR NO KEY UPDATE OF w";
  static const std::string locked_waiting_sql = std::string(waiting_sql) + " FOR UPDATE OF q";
  static Statement order(order_sql, {TEXTOID, UUIDOID, XIDOID, TIMESTAMPTZOID});
  static Statement locked_order(locked_order_sql.c_str(), {TEXTOID, UUIDOID, XIDOID, TIMESTAMPTZOID});
  static Statement waiting(waiting_sql, {TEXTOID, UUIDOID});
  static Statement locked_waiting(locked_waiting_sql.c_str(), {TEXTOID, UUIDOID});

  const Param id = Param::uuid(stored.common_work_order_id);
  const Rows row =
      (lock == Lock::rows ? locked_order : order)
          .execute({record.tenant_id, id, Param::datum(XIDOID, TransactionIdGetDatum(stored.version)),
                    Param::typed(TIMESTAMPTZOID, record.updated_at)});
  if (row.empty()) return std::nullopt;
  LocalSide side{.order = kept_json(row, 0), .unsent_fields = {}, .provider_is_newer = row.boolean(0, 1)};
  const Rows unsent = (lock == Lock::rows ? locked_waiting : waiting).execute({record.tenant_id, id});
  if (unsent.empty()) return side;
  for (std::optional<std::string>& field : unsent.list(0, 0)) {
    if (field) side.unsent_fields.push_back(*std::move(field));
  }
  side.awaits_answer = unsent.boolean(0, 1);
  return side;
}

std::optional<OrderWrite> update_order(const IncomingRecord& record, const StoredOrder& stored,
                                       std::span<const FieldNews> news) {
  static Statement statement(
      "SELECT outcome, detail, event_type, event_id FROM cmms.apply_news($1, $2, $3, $4, $5, $6, $7, $8, $9)",
      {TEXTOID, UUIDOID, XIDOID, JSONBOID, JSONBOID, JSONBOID, TEXTARRAYOID, JSONBOID, INT4OID});
  const std::vector<std::string> withdrawn = withdrawn_fields(news);
  const std::string conflicts = conflicts_json(news);
  const Rows rows = statement.execute(
      {record.tenant_id, Param::uuid(stored.common_work_order_id),
       Param::datum(XIDOID, TransactionIdGetDatum(stored.version)), Param::datum(JSONBOID, record.fields),
       Param::datum(JSONBOID, record.document), Param::datum(JSONBOID, jsonb_from_fields(taken_fields(news))),
       withdrawn.empty() ? Param::null(TEXTARRAYOID) : Param::array(TEXTARRAYOID, withdrawn),
       conflicts.empty() ? Param::null(JSONBOID) : Param::json(conflicts), record.map_version});
  if (rows.empty() || rows.is_null(0, 0)) return std::nullopt;
  OrderWrite write{.outcome = rows.text_or(0, 0, ""),
                   .detail = rows.text_or(0, 1, ""),
                   .common_work_order_id = stored.common_work_order_id,
                   .event = std::nullopt};
  if (!rows.is_null(0, 3)) write.event = WrittenEvent{rows.text_or(0, 2, ""), rows.integer(0, 3)};
  return write;
}

void use_up_echo(const IncomingRecord& record, const StoredOrder& stored) {
  static Statement statement("SELECT cmms.use_up_echo($1, $2, $3)", {TEXTOID, UUIDOID, XIDOID});
  statement.execute({record.tenant_id, Param::uuid(stored.common_work_order_id),
                     Param::datum(XIDOID, TransactionIdGetDatum(stored.version))});
}

}  // namespace cmms::pg
