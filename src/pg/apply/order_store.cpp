#include "pg/prelude.hpp"

#include "pg/apply/order_store.hpp"

#include <algorithm>
#include <cstring>
#include <unordered_set>
#include <vector>

#include "pg/apply/order_columns.hpp"
#include "pg/boundary/guard.hpp"
#include "pg/boundary/memory.hpp"
#include "pg/boundary/spi.hpp"
#include "pg/boundary/table_writer.hpp"
#include "pg/json/jsonb_reader.hpp"
#include "pg/json/jsonb_writer.hpp"
#include "pg/store/uuid.hpp"
#include "pg/store/vocabulary_check.hpp"

namespace cmms::pg {
namespace {

TransactionId version_of(const Rows& rows, std::size_t row) {
  bool is_null = false;
  return DatumGetTransactionId(rows.datum(row, 1, &is_null));
}

// A copy in the current memory context: the row goes with its statement.
json::Value kept_json(const Rows& rows, std::size_t row, std::size_t column) {
  bool is_null = false;
  const Datum value = rows.datum(row, column, &is_null);
  if (is_null) return {};
  return jsonb_value(pg_call([&] { return DatumGetJsonbPCopy(value); }));
}

const Jsonb* jsonb_column(const Rows& rows, std::size_t row, std::size_t column) {
  bool is_null = false;
  const Datum value = rows.datum(row, column, &is_null);
  return is_null ? nullptr : pg_call([&] { return DatumGetJsonbP(value); });
}

// What was stored from the same text lies there byte by byte: only what differs is looked into.
bool is_identical(const Jsonb* one, const Jsonb* other) {
  return VARSIZE(one) == VARSIZE(other) && std::memcmp(one, other, VARSIZE(one)) == 0;
}

bool equals(const Jsonb* said, const Jsonb* stored) {
  return is_identical(said, stored) || pg_call([&] {
           return DatumGetBool(DirectFunctionCall2(jsonb_eq, JsonbPGetDatum(said), JsonbPGetDatum(stored)));
         });
}

bool is_contained(const Jsonb* said, const Jsonb* stored) {
  return is_identical(said, stored) || pg_call([&] {
           return DatumGetBool(
               DirectFunctionCall2(jsonb_contained, JsonbPGetDatum(said), JsonbPGetDatum(stored)));
         });
}

bool says_the_same(const IncomingRecord& record, const Jsonb* stored_document, const Jsonb* stored_fields) {
  if (stored_document == nullptr || stored_fields == nullptr) return false;
  const auto jsonb_of = [](Datum said) { return reinterpret_cast<const Jsonb*>(DatumGetPointer(said)); };
  const ScratchContext scratch;
  return equals(jsonb_of(record.document()), stored_document) &&
         is_contained(jsonb_of(record.fields()), stored_fields);
}

StoredOrder read_stored(const IncomingRecord& record, const Rows& rows, std::size_t row = 0) {
  StoredOrder stored{.common_work_order_id = rows.uuid(row, 0),
                     .version = version_of(rows, row),
                     .newer = rows.text_or(row, 2, ""),
                     .is_adopted = rows.is_null(row, 3),
                     .awaits_echo = rows.boolean(row, 4),
                     .sync_state = rows.text_or(row, 5, ""),
                     .is_of_same_moment = rows.boolean(row, 9),
                     .synced_at = rows.is_null(row, 8) ? 0 : rows.number(row, 8),
                     .said_last = {}};
  stored.says_the_same =
      !stored.is_adopted && says_the_same(record, jsonb_column(rows, row, 6), jsonb_column(rows, row, 7));
  if (!stored.says_the_same) stored.said_last = kept_json(rows, row, 7);
  return stored;
}

// `updated_at`: where the statement finds the record's time stamp.
std::string look_up_sql(std::string_view updated_at) {
  return "SELECT w.common_work_order_id, w.xmin, CASE WHEN " + std::string(updated_at) +
         " < w.source_updated_at THEN to_char(w.source_updated_at AT TIME ZONE 'UTC',"
         " '\"the version of \"YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z is stored\"') END,"
         " w.source_work_order_id, w.awaited_echo IS NOT NULL, w.sync_state, w.source_doc, w.source_fields,"
         " extract(epoch FROM w.last_synced_at)::float8, " +
         std::string(updated_at) +
         " = w.source_updated_at"
         " FROM cmms.work_order w WHERE w.tenant_id = $1 AND w.provider_id = $2 AND ";
}

std::optional<StoredOrder> find_by_source_id(const IncomingRecord& record) {
  static const std::string sql = look_up_sql("$4") + "w.source_work_order_id = $3";
  static Statement statement(sql.c_str(), {TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID});
  const Rows rows = statement.execute({record.tenant_id, record.provider_id, record.source_id,
                                       Param::typed(TIMESTAMPTZOID, record.updated_at)});
  if (rows.empty()) return std::nullopt;
  return read_stored(record, rows);
}

// A reference in another record's text is a copy, not a claim: it has an id already.
std::optional<StoredOrder> find_by_reference(const IncomingRecord& record) {
  static const std::string sql =
      look_up_sql("NULL::timestamptz") + "w.common_work_order_id = $3 AND w.source_work_order_id IS NULL";
  static Statement statement(sql.c_str(), {TEXTOID, TEXTOID, UUIDOID});
  const Rows rows =
      statement.execute({record.tenant_id, record.provider_id, Param::typed(UUIDOID, record.reference)});
  if (rows.empty()) return std::nullopt;
  return read_stored(record, rows);
}

constexpr int first_column_parameter = 6;

std::string waiting_deletion(std::string_view source_id) {
  return "SELECT FROM cmms.outbox q WHERE q.provider_id = $2 AND q.operation = 'delete' AND "
         "q.source_record_id = " +
         std::string(source_id);
}

std::string held_version(std::string_view source_id) {
  return "EXISTS (SELECT FROM cmms.held_record h WHERE h.tenant_id = $1 AND h.provider_id = $2"
         " AND h.resource = 'work_order' AND h.direction = 'inbound' AND h.source_record_id = " +
         std::string(source_id) + ")";
}

// The order, the start of its history and its event. Nothing is inserted of what we deleted and its provider
// is yet to be told of, nor where another session is inserting the same record: its row wins, and this news
// is then applied to that.
std::string insert_sql() {
  std::string names;
  std::string values;
  int parameter = first_column_parameter;
  std::string source_id;
  for (const OrderColumn& column : order_columns) {
    const std::string value = "$" + std::to_string(parameter++);
    if (std::string_view(column.name) == "source_work_order_id") source_id = value;
    names += std::string(", ") + column.name;
    values += ", " + value;
  }
  return "WITH made AS (INSERT INTO cmms.work_order"
         " (tenant_id, provider_id, source_doc, source_fields, sync_state, last_synced_at" +
         names + ") SELECT $1, $2, $3, $4, 'imported', now()" + values + " WHERE NOT EXISTS (" +
         waiting_deletion(source_id) +
         ") ON CONFLICT (tenant_id, provider_id, source_work_order_id)"
         " WHERE source_work_order_id IS NOT NULL DO NOTHING"
         " RETURNING common_work_order_id, common_status, source_status),"
         " opened AS (INSERT INTO cmms.status_history"
         " (tenant_id, common_work_order_id, to_status, source_status, cause, changed_by)"
         " SELECT $1, m.common_work_order_id, m.common_status, m.source_status, 'provider', "
         "cmms.calling_role()"
         " FROM made m),"
         " told AS (INSERT INTO cmms.event AS e (tenant_id, event_type, provider_id, record_id, detail)"
         " SELECT $1, 'work_order.created', $2, m.common_work_order_id,"
         " jsonb_build_object('cause', 'provider', 'map_version', $5::integer)"
         " FROM made m RETURNING e.event_id)"
         // A trigger may keep the event out.
         " SELECT m.common_work_order_id, t.event_id, " +
         held_version(source_id) + " FROM made m LEFT JOIN told t ON true";
}

std::vector<Oid> insert_parameter_types() {
  std::vector<Oid> types = {TEXTOID, TEXTOID, JSONBOID, JSONBOID, INT4OID};
  for (const OrderColumn& column : order_columns) types.push_back(column.type);
  return types;
}

OrderWrite created(const pg_uuid_t& id, std::optional<std::int64_t> event_id) {
  OrderWrite write{.outcome = "created", .detail = {}, .common_work_order_id = id, .event = std::nullopt};
  if (event_id) write.event = WrittenEvent{"work_order.created", *event_id};
  return write;
}

// An earlier version of the record could not be mapped.
void release_held_record(std::string_view tenant_id, std::string_view provider_id,
                         std::string_view source_id) {
  static Statement statement(
      "DELETE FROM cmms.held_record h WHERE h.tenant_id = $1 AND h.provider_id = $2"
      " AND h.resource = 'work_order' AND h.direction = 'inbound' AND h.source_record_id = $3",
      {TEXTOID, TEXTOID, TEXTOID});
  statement.execute({tenant_id, provider_id, source_id});
}

}  // namespace

Datum IncomingRecord::fields() const { return jsonb_from_fields(mapped.fields); }

Datum IncomingRecord::document() const { return jsonb_from_value(source); }

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
  static const std::string sql = insert_sql();
  static Statement statement(sql.c_str(), insert_parameter_types());
  std::vector<Param> parameters = {record.tenant_id, record.provider_id,
                                   Param::datum(JSONBOID, record.document()),
                                   Param::datum(JSONBOID, record.fields()), record.map_version};
  const std::size_t first_column = parameters.size();
  for (const OrderColumn& column : order_columns) parameters.push_back(default_value(column));
  FieldPlaces places;
  places.fit(record.mapped.fields);
  set_columns(record.mapped, places, std::span(parameters).subspan(first_column));
  const Rows rows = statement.execute(parameters);
  if (rows.empty()) return std::nullopt;
  if (rows.boolean(0, 2)) release_held_record(record.tenant_id, record.provider_id, *record.source_id);
  return created(rows.uuid(0, 0), rows.is_null(0, 1) ? std::nullopt : std::optional(rows.integer(0, 1)));
}

std::optional<LocalSide> read_local_side(const IncomingRecord& record, const StoredOrder& stored, Lock lock) {
  // First the order, then what waits of it, as a change by the application locks them.
  constexpr const char* order_sql =
      "SELECT to_jsonb(w), $4 > w.updated_at FROM cmms.work_order w"
      " WHERE w.tenant_id = $1 AND w.common_work_order_id = $2 AND w.xmin = $3";
  constexpr const char* waiting_sql =
      "SELECT q.changed_fields, q.state IN ('in_flight', 'in_doubt'), q.sent_values FROM cmms.outbox q"
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
  LocalSide side{.order = kept_json(row, 0, 0),
                 .unsent_fields = {},
                 .sent_values = {},
                 .provider_is_newer = row.boolean(0, 1)};
  const Rows unsent = (lock == Lock::rows ? locked_waiting : waiting).execute({record.tenant_id, id});
  if (unsent.empty()) return side;
  for (std::optional<std::string>& field : unsent.list(0, 0)) {
    if (field) side.unsent_fields.push_back(*std::move(field));
  }
  side.awaits_answer = unsent.boolean(0, 1);
  side.sent_values = kept_json(unsent, 0, 2);
  return side;
}

std::optional<OrderWrite> update_order(const IncomingRecord& record, const StoredOrder& stored,
                                       std::span<const FieldNews> news, bool status_follows) {
  static Statement statement(
      "SELECT outcome, detail, event_type, event_id FROM cmms.apply_news($1, $2, $3, $4, $5, $6, $7, $8, $9, "
      "$10)",
      {TEXTOID, UUIDOID, XIDOID, JSONBOID, JSONBOID, JSONBOID, TEXTARRAYOID, JSONBOID, INT4OID, BOOLOID});
  const std::vector<std::string> withdrawn = withdrawn_fields(news);
  const std::string conflicts = conflicts_json(news);
  const Rows rows = statement.execute(
      {record.tenant_id, Param::uuid(stored.common_work_order_id),
       Param::datum(XIDOID, TransactionIdGetDatum(stored.version)), Param::datum(JSONBOID, record.fields()),
       Param::datum(JSONBOID, record.document()),
       Param::datum(JSONBOID, jsonb_from_fields(taken_fields(news))),
       withdrawn.empty() ? Param::null(TEXTARRAYOID) : Param::array(TEXTARRAYOID, withdrawn),
       conflicts.empty() ? Param::null(JSONBOID) : Param::json(conflicts), record.map_version,
       status_follows});
  if (rows.empty() || rows.is_null(0, 0)) return std::nullopt;
  OrderWrite write{.outcome = rows.text_or(0, 0, ""),
                   .detail = rows.text_or(0, 1, ""),
                   .common_work_order_id = stored.common_work_order_id,
                   .event = std::nullopt};
  if (!rows.is_null(0, 3)) write.event = WrittenEvent{rows.text_or(0, 2, ""), rows.integer(0, 3)};
  return write;
}

namespace {

constexpr GivenColumn known_columns[] = {
    {"ordinal", INT8OID}, {"source_id", TEXTOID}, {"updated_at", TIMESTAMPTZOID}};

// A record that becomes an order, which of the given records it is, and the order's id.
struct NewOrder {
  const IncomingRecord* record;
  std::size_t place;
  pg_uuid_t id;
};

std::vector<GivenColumn> new_order_columns() {
  std::vector<GivenColumn> given = {{"common_work_order_id", UUIDOID}, {"source_doc", JSONBOID},
                                    {"source_fields", JSONBOID},       {"tenant_id", TEXTOID},
                                    {"provider_id", TEXTOID},          {"sync_state", TEXTOID},
                                    {"last_synced_at", TIMESTAMPTZOID}};
  for (const OrderColumn& column : order_columns) given.push_back({column.name, column.type});
  return given;
}

constexpr GivenColumn history_columns[] = {{"common_work_order_id", UUIDOID},
                                           {"to_status", TEXTOID},
                                           {"source_status", TEXTOID},
                                           {"tenant_id", TEXTOID},
                                           {"cause", TEXTOID},
                                           {"changed_by", NAMEOID}};

constexpr GivenColumn event_columns[] = {{"event_id", INT8OID},    {"record_id", UUIDOID},
                                         {"tenant_id", TEXTOID},   {"event_type", TEXTOID},
                                         {"provider_id", TEXTOID}, {"resource", TEXTOID},
                                         {"detail", JSONBOID},     {"occurred_at", TIMESTAMPTZOID}};

std::string word_of(const IncomingRecord& record, std::string_view column, const char* default_word) {
  const json::Field* field = record.mapped.find(column);
  return field == nullptr || field->is_null() ? default_word : field->text;
}

// What a trigger of work_order asks of rows that are inserted by a statement.
bool know_words_of(std::span<const NewOrder> orders) {
  return std::all_of(orders.begin(), orders.end(), [](const NewOrder& order) {
    return store::statuses().has(word_of(*order.record, "common_status", "requested")) &&
           store::priorities().has(word_of(*order.record, "priority", "none"));
  });
}

// What else is known of the records in `incoming`.
struct Background {
  std::string actor;
  std::unordered_set<std::string> deleted;  // ours, and the provider is yet to be told
  std::unordered_set<std::string> held;     // an earlier version could not be mapped
};

std::unordered_set<std::string> set_of(const TextList& list) {
  std::unordered_set<std::string> set;
  for (const std::optional<std::string>& text : list) set.insert(text.value_or(""));
  return set;
}

Background read_background(const IncomingRecord& record) {
  static const std::string sql =
      "SELECT cmms.calling_role(), ARRAY(SELECT i.source_id FROM incoming i WHERE EXISTS (" +
      waiting_deletion("i.source_id") + ")), ARRAY(SELECT i.source_id FROM incoming i WHERE " +
      held_version("i.source_id") + ")";
  static Statement statement(sql.c_str(), {TEXTOID, TEXTOID});
  const Rows rows = statement.execute({record.tenant_id, record.provider_id});
  return {
      .actor = rows.text_or(0, 0, ""), .deleted = set_of(rows.list(0, 1)), .held = set_of(rows.list(0, 2))};
}

// A value that many rows have is made once.
Param made_once(const Param& value) {
  return value.is_null() ? value : Param::datum(value.type(), value.to_datum());
}

// The orders and the start of their histories.
void write_orders(std::span<const NewOrder> orders, const std::string& actor) {
  const std::vector<GivenColumn> given = new_order_columns();
  TableWriter order_rows("work_order", given);
  TableWriter history_rows("status_history", history_columns);
  const IncomingRecord& first = *orders.front().record;
  const Param tenant = made_once(first.tenant_id);
  const Param null_id = Param::null(UUIDOID);
  const Param null_json = Param::null(JSONBOID);
  const Param now = Param::datum(TIMESTAMPTZOID, TimestampTzGetDatum(GetCurrentTransactionStartTimestamp()));
  std::vector<Param> defaults = {
      null_id, null_json, null_json, tenant, made_once(first.provider_id), made_once("imported"), now};
  for (const OrderColumn& column : order_columns) defaults.push_back(made_once(default_value(column)));
  const Param provider = made_once("provider");
  const Param changed_by = made_once(Param::typed(NAMEOID, actor));
  std::vector<Param> values;
  FieldPlaces places;
  ScratchContext scratch;
  for (const NewOrder& order : orders) {
    const mapping::Mapped& mapped = order.record->mapped;
    places.fit(mapped.fields);
    values = defaults;
    values[0] = Param::uuid(order.id);
    values[1] = Param::datum(JSONBOID, order.record->document());
    values[2] = Param::datum(JSONBOID, jsonb_from_fields(mapped.fields, places.key_order()));
    const std::span said = std::span(values).last(std::size(order_columns));
    set_columns(mapped, places, said);
    order_rows.add(values);
    const Param history[] = {
        values[0], said[place_of("common_status")], said[place_of("source_status")], tenant, provider,
        changed_by};
    history_rows.add(history);
    scratch.reset();
  }
  order_rows.flush();
  history_rows.flush();
}

// Returns the number of the last one, by which all are told of. The first is written by a statement. The
// others are as it is but for their numbers and orders, and so belong to the same partition, which goes by
// the transaction's time.
std::int64_t write_events(std::span<const NewOrder> orders) {
  static Statement write_first(
      "INSERT INTO cmms.event AS e (tenant_id, event_type, provider_id, record_id, detail) VALUES"
      " ($1, 'work_order.created', $2, $3, jsonb_build_object('cause', 'provider', 'map_version', "
      "$4::integer))"
      " RETURNING e.event_id, e.record_id, e.tenant_id, e.event_type, e.provider_id, e.resource, e.detail,"
      " e.occurred_at, e.tableoid, pg_get_serial_sequence('cmms.event', 'event_id')::regclass::oid",
      {TEXTOID, TEXTOID, UUIDOID, INT4OID});
  const IncomingRecord& record = *orders.front().record;
  const Rows first = write_first.execute(
      {record.tenant_id, record.provider_id, Param::uuid(orders.front().id), record.map_version});
  constexpr std::size_t count = std::size(event_columns);
  std::vector<Param> values;
  for (std::size_t i = 0; i < count; ++i) {
    bool is_null = false;
    values.push_back(Param::datum(event_columns[i].type, first.datum(0, i, &is_null)));
  }
  std::int64_t number = first.integer(0, 0);
  const auto sequence = static_cast<Oid>(first.integer(0, count + 1));
  TableWriter rows("event", event_columns, static_cast<Oid>(first.integer(0, count)));
  for (const NewOrder& order : orders.subspan(1)) {
    number =
        pg_call([&] { return DatumGetInt64(DirectFunctionCall1(nextval_oid, ObjectIdGetDatum(sequence))); });
    values[0] = number;
    values[1] = Param::uuid(order.id);
    rows.add(values);
  }
  rows.flush();
  return number;
}

}  // namespace

OrderBatch::OrderBatch() : incoming_("incoming", known_columns) {}

std::vector<std::optional<StoredOrder>> OrderBatch::find(std::span<const IncomingRecord> records) {
  // Record by record through the index, whatever the planner would think of a table that was small.
  static const std::string sql = "SELECT f.*, i.ordinal FROM incoming i CROSS JOIN LATERAL (" +
                                 look_up_sql("i.updated_at") +
                                 "w.source_work_order_id = i.source_id OFFSET 0) f";
  static Statement statement(sql.c_str(), {TEXTOID, TEXTOID});
  incoming_.clear();
  for (std::size_t i = 0; i < records.size(); ++i) {
    const IncomingRecord& record = records[i];
    if (!record.source_id) continue;
    const Param values[] = {static_cast<std::int64_t>(i), record.source_id, time_value(record.updated_at)};
    incoming_.add(values);
  }
  std::vector<std::optional<StoredOrder>> found(records.size());
  const Rows rows = statement.execute({records.front().tenant_id, records.front().provider_id});
  for (std::size_t row = 0; row < rows.size(); ++row) {
    const auto i = static_cast<std::size_t>(rows.integer(row, 10));
    found[i] = read_stored(records[i], rows, row);
  }
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (!found[i] && records[i].reference) found[i] = find_by_reference(records[i]);
  }
  return found;
}

std::vector<std::optional<OrderWrite>> OrderBatch::insert(std::span<const IncomingRecord* const> records) {
  std::vector<std::optional<OrderWrite>> written(records.size());
  const std::vector<pg_uuid_t> ids = store::new_uuids(records.size());
  std::vector<NewOrder> orders;
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (records[i] != nullptr) orders.push_back({records[i], i, ids[i]});
  }
  // What follows of an order is made of the record, and what follows of an event of the first, not of the
  // row.
  if (orders.empty() || may_change_rows("work_order") || may_change_rows("event") || !know_words_of(orders)) {
    return written;
  }
  const IncomingRecord& first = *orders.front().record;
  const Background background = read_background(first);
  std::erase_if(orders,
                [&](const NewOrder& order) { return background.deleted.contains(*order.record->source_id); });
  if (orders.empty()) return written;
  write_orders(orders, background.actor);
  const std::int64_t last_event = write_events(orders);
  for (const NewOrder& order : orders) {
    const std::string& source_id = *order.record->source_id;
    if (background.held.contains(source_id)) {
      release_held_record(first.tenant_id, first.provider_id, source_id);
    }
    written[order.place] = created(order.id, last_event);
  }
  return written;
}

void use_up_echo(const IncomingRecord& record, const StoredOrder& stored) {
  static Statement statement("SELECT cmms.use_up_echo($1, $2, $3)", {TEXTOID, UUIDOID, XIDOID});
  statement.execute({record.tenant_id, Param::uuid(stored.common_work_order_id),
                     Param::datum(XIDOID, TransactionIdGetDatum(stored.version))});
}

}  // namespace cmms::pg
