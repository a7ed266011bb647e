#include "pg/prelude.hpp"

#include "pg/apply/order_store.hpp"

#include <chrono>
#include <cstring>
#include <vector>

#include "core/mapping/iso_time.hpp"
#include "pg/boundary/guard.hpp"
#include "pg/boundary/memory.hpp"
#include "pg/boundary/spi.hpp"
#include "pg/json/jsonb_reader.hpp"

extern "C" {
#include "utils/uuid.h"
}

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

bool says_the_same(const IncomingRecord& record, const Jsonb* stored_document, const Jsonb* stored_fields) {
  if (stored_document == nullptr || stored_fields == nullptr) return false;
  const auto* document = reinterpret_cast<const Jsonb*>(DatumGetPointer(record.document));
  const auto* fields = reinterpret_cast<const Jsonb*>(DatumGetPointer(record.fields));
  return pg_call([&] {
    return (is_identical(document, stored_document) ||
            DatumGetBool(DirectFunctionCall2(jsonb_eq, record.document, JsonbPGetDatum(stored_document)))) &&
           (is_identical(fields, stored_fields) ||
            DatumGetBool(DirectFunctionCall2(jsonb_contained, record.fields, JsonbPGetDatum(stored_fields))));
  });
}

StoredOrder read_stored(const IncomingRecord& record, const Rows& rows, std::size_t row = 0) {
  StoredOrder stored{.common_work_order_id = rows.text_or(row, 0, ""),
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

Param default_value(const Column& column) {
  return column.default_value == nullptr ? Param::null(column.type)
                                         : Param::typed(column.type, column.default_value);
}

// A time as the transforms write it needs none of the forms that the type's own input function tries.
Param time_value(const std::string& text) {
  constexpr std::size_t shortest = sizeof "yyyy-mm-ddThh:mm:ssZ" - 1;
  constexpr std::size_t longest = sizeof "yyyy-mm-ddThh:mm:ss.ffffffZ" - 1;
  constexpr std::chrono::sys_days epoch{std::chrono::year(2000) / 1 / 1};
  if (text.size() >= shortest && text.size() <= longest && text.back() == 'Z') {
    if (const auto time = mapping::parse_iso_time(text)) {
      return Param::datum(TIMESTAMPTZOID, TimestampTzGetDatum((time->utc() - epoch).count()));
    }
  }
  return Param::typed(TIMESTAMPTZOID, text);
}

Param time_value(const std::optional<std::string>& text) {
  return text ? time_value(*text) : Param::null(TIMESTAMPTZOID);
}

// May point into the field.
Param column_value(const Column& column, const json::Field& field) {
  if (field.is_null()) return default_value(column);
  const bool is_scalar = field.kind != json::Kind::array && field.kind != json::Kind::object;
  switch (column.type) {
    case TEXTOID:
      return is_scalar ? Param(field.text) : Param::datum(TEXTOID, Param(column_text(field)).to_datum());
    case TEXTARRAYOID:
      return Param::datum(TEXTARRAYOID, text_array_from_field(field));
    case JSONBOID:
      return Param::datum(JSONBOID, jsonb_from_field(field));
    case TIMESTAMPTZOID:
      return time_value(field.text);
    default:
      return Param::typed(column.type, field.text);
  }
}

// The values of a record, one for each of `columns`, each in the place of its default.
void set_columns(const mapping::Mapped& mapped, std::span<Param> values) {
  static const auto places = [] {
    std::unordered_map<std::string_view, std::size_t> by_name;
    for (std::size_t i = 0; i < std::size(columns); ++i) by_name.emplace(columns[i].name, i);
    return by_name;
  }();
  // The first field of a name counts, as for Mapped::find().
  for (auto field = mapped.fields.rbegin(); field != mapped.fields.rend(); ++field) {
    const auto place = places.find(field->target);
    if (place != places.end()) values[place->second] = column_value(columns[place->second], field->value);
  }
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

// Where the insert finds a new order: among its parameters, or in the rows of `new_order`.
struct InsertSource {
  std::string document, fields, role, detail, from;
  bool is_rows;
};

// The order, the start of its history and its event. Nothing is inserted of what we deleted and its provider
// is yet to be told of, nor where another session is inserting the same record: its row wins, and this news
// is then applied to that. Rows, of which one alone is inserted then, fail instead: to look for each of them
// once more would cost all pages for the sake of one.
std::string insert_sql(const InsertSource& source) {
  std::string names;
  std::string values;
  int parameter = first_column_parameter;
  std::string source_id;
  for (const Column& column : columns) {
    const std::string value =
        source.is_rows ? std::string("n.") + column.name : "$" + std::to_string(parameter++);
    if (std::string_view(column.name) == "source_work_order_id") source_id = value;
    names += std::string(", ") + column.name;
    values += ", " + value;
  }
  const std::string insert =
      "WITH made AS (INSERT INTO cmms.work_order"
      " (tenant_id, provider_id, source_doc, source_fields, sync_state, last_synced_at" +
      std::string(source.is_rows ? ", common_work_order_id" : "") + names + ") SELECT $1, $2, " +
      source.document + ", " + source.fields + ", 'imported', now()" +
      (source.is_rows ? ", n.common_work_order_id" : "") + values + source.from + " WHERE NOT EXISTS (" +
      waiting_deletion(source_id) + ")" +
      (source.is_rows ? ""
                      : " ON CONFLICT (tenant_id, provider_id, source_work_order_id)"
                        " WHERE source_work_order_id IS NOT NULL DO NOTHING") +
      " RETURNING common_work_order_id, common_status, source_status, source_work_order_id),"
      " opened AS (INSERT INTO cmms.status_history"
      " (tenant_id, common_work_order_id, to_status, source_status, cause, changed_by)"
      " SELECT $1, m.common_work_order_id, m.common_status, m.source_status, 'provider', " +
      source.role + " FROM made m)";
  const std::string tell =
      "INSERT INTO cmms.event AS e (tenant_id, event_type, provider_id, record_id, detail)"
      " SELECT $1, 'work_order.created', $2, m.common_work_order_id, " +
      source.detail + " FROM made m RETURNING e.record_id, e.event_id";
  if (!source.is_rows) return insert + " " + tell + ", " + held_version(source_id);
  // All rows are told of by the last of their events.
  return insert + ", told AS (" + tell +
         ") SELECT m.common_work_order_id, (SELECT max(t.event_id) FROM told t), " +
         held_version("m.source_work_order_id") + ", m.source_work_order_id FROM made m";
}

std::vector<Oid> insert_parameter_types() {
  std::vector<Oid> types = {TEXTOID, TEXTOID, JSONBOID, JSONBOID, INT4OID};
  for (const Column& column : columns) types.push_back(column.type);
  return types;
}

OrderWrite read_created(const Rows& rows, std::size_t row) {
  return {.outcome = "created",
          .detail = {},
          .common_work_order_id = rows.text_or(row, 0, ""),
          .event = WrittenEvent{"work_order.created", rows.integer(row, 1)}};
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
  static const std::string sql =
      insert_sql({.document = "$3",
                  .fields = "$4",
                  .role = "cmms.calling_role()",
                  .detail = "jsonb_build_object('cause', 'provider', 'map_version', $5::integer)",
                  .from = "",
                  .is_rows = false});
  static Statement statement(sql.c_str(), insert_parameter_types());
  std::vector<Param> parameters = {record.tenant_id, record.provider_id,
                                   Param::datum(JSONBOID, record.document),
                                   Param::datum(JSONBOID, record.fields), record.map_version};
  const std::size_t first_column = parameters.size();
  for (const Column& column : columns) parameters.push_back(default_value(column));
  set_columns(record.mapped, std::span(parameters).subspan(first_column));
  const Rows rows = statement.execute(parameters);
  if (rows.empty()) return std::nullopt;
  if (rows.boolean(0, 2)) release_held_record(record.tenant_id, record.provider_id, *record.source_id);
  return read_created(rows, 0);
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
       Param::datum(XIDOID, TransactionIdGetDatum(stored.version)), Param::datum(JSONBOID, record.fields),
       Param::datum(JSONBOID, record.document), Param::datum(JSONBOID, jsonb_from_fields(taken_fields(news))),
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

std::vector<GivenColumn> new_order_columns() {
  std::vector<GivenColumn> given = {
      {"common_work_order_id", UUIDOID}, {"document", JSONBOID}, {"fields", JSONBOID}};
  for (const Column& column : columns) given.push_back({column.name, column.type});
  return given;
}

// UUIDs of version 7 whose counter follows the millisecond: what is inserted together lies together in the
// indexes.
std::vector<pg_uuid_t> ordered_uuids(std::size_t count) {
  std::vector<pg_uuid_t> ids(count);
  if (!pg_strong_random(ids.data(), count * sizeof(pg_uuid_t))) {
    raise(ERRCODE_INTERNAL_ERROR, "no random numbers are available");
  }
  const auto milliseconds = static_cast<std::uint64_t>(
      std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now())
          .time_since_epoch()
          .count());
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t ordered = (milliseconds + i / 4096) << 16U | 0x7000U | (i % 4096);
    for (int byte = 0; byte < 8; ++byte) {
      ids[i].data[byte] = static_cast<unsigned char>(ordered >> (56 - 8 * byte));
    }
    ids[i].data[8] = static_cast<unsigned char>((ids[i].data[8] & 0x3FU) | 0x80U);
  }
  return ids;
}

}  // namespace

OrderBatch::OrderBatch()
    : incoming_("incoming", known_columns), new_orders_("new_order", new_order_columns()) {}

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

std::unordered_map<std::string, OrderWrite> OrderBatch::insert(
    std::span<const IncomingRecord* const> records) {
  static const std::string sql =
      insert_sql({.document = "n.document",
                  .fields = "n.fields",
                  .role = "(SELECT cmms.calling_role())",
                  .detail = "(SELECT jsonb_build_object('cause', 'provider', 'map_version', $3::integer))",
                  .from = " FROM new_order n",
                  .is_rows = true});
  static Statement statement(sql.c_str(), {TEXTOID, TEXTOID, INT4OID});
  if (records.empty()) return {};
  new_orders_.clear();
  const std::vector<pg_uuid_t> ids = ordered_uuids(records.size());
  std::vector<Param> defaults = {Param::null(UUIDOID), Param::null(JSONBOID), Param::null(JSONBOID)};
  const std::size_t first_column = defaults.size();
  for (const Column& column : columns) {
    const Param value = default_value(column);
    defaults.push_back(value.is_null() ? value : Param::datum(column.type, value.to_datum()));
  }
  std::vector<Param> values;
  ScratchContext scratch;
  for (std::size_t i = 0; i < records.size(); ++i) {
    const IncomingRecord& record = *records[i];
    values = defaults;
    values[0] = Param::datum(UUIDOID, UUIDPGetDatum(&ids[i]));
    values[1] = Param::datum(JSONBOID, record.document);
    values[2] = Param::datum(JSONBOID, record.fields);
    set_columns(record.mapped, std::span(values).subspan(first_column));
    new_orders_.add(values);
    scratch.reset();
  }
  const IncomingRecord& first = *records.front();
  const Rows rows = statement.execute({first.tenant_id, first.provider_id, first.map_version});
  std::unordered_map<std::string, OrderWrite> written;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    std::string source_id = rows.text_or(row, 3, "");
    if (rows.boolean(row, 2)) release_held_record(first.tenant_id, first.provider_id, source_id);
    written.emplace(std::move(source_id), read_created(rows, row));
  }
  return written;
}

void use_up_echo(const IncomingRecord& record, const StoredOrder& stored) {
  static Statement statement("SELECT cmms.use_up_echo($1, $2, $3)", {TEXTOID, UUIDOID, XIDOID});
  statement.execute({record.tenant_id, Param::uuid(stored.common_work_order_id),
                     Param::datum(XIDOID, TransactionIdGetDatum(stored.version))});
}

}  // namespace cmms::pg
