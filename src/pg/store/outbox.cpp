#include "pg/prelude.hpp"

#include "pg/store/outbox.hpp"

#include <algorithm>
#include <utility>

#include "pg/boundary/spi.hpp"
#include "pg/json/row_json.hpp"
#include "pg/store/columns.hpp"
#include "pg/store/record_table.hpp"

namespace cmms::pg::store {
namespace {

// The lateral part runs once per lane, walks the index of due rows in order and stops at the limit. Rows
// that are locked are then reached by their place in the table, so that no estimate, made perhaps while the
// table was empty, can turn that into a scan. A row that changed between snapshot and lock is not found
// there: its change wakes the worker.
constexpr const char* claim_sql = R"sql(
    WITH due AS MATERIALIZED (
      SELECT q.*
      FROM unnest($1::text[], $2::text[], $3::int4[], $4::timestamptz[], $5::int8[])
        AS r(provider_id, resource, row_limit, due_at, outbox_id)
      CROSS JOIN LATERAL (
        SELECT o.ctid AS place, o.next_attempt_at, o.state = 'in_doubt' AS was_in_doubt
        FROM cmms.outbox o
        WHERE o.provider_id = r.provider_id AND o.resource = r.resource AND o.state IN ('pending', 'in_doubt')
          AND (o.next_attempt_at, o.outbox_id) > (r.due_at, r.outbox_id) AND o.next_attempt_at <= now()
        ORDER BY o.next_attempt_at, o.outbox_id LIMIT r.row_limit FOR UPDATE SKIP LOCKED) AS q)
    UPDATE cmms.outbox o
    SET state = 'in_flight', claimed_at = clock_timestamp(),
        attempted_at = CASE WHEN d.was_in_doubt THEN o.attempted_at ELSE clock_timestamp() END,
        attempts = CASE WHEN d.was_in_doubt THEN o.attempts ELSE o.attempts + 1 END,
        claimed_change_seq = CASE WHEN d.was_in_doubt THEN o.claimed_change_seq ELSE o.change_seq END
    FROM due d
    WHERE o.ctid = d.place
    RETURNING o.tenant_id, o.resource, o.record_id, o.provider_id, o.operation, o.changed_fields, o.source_record_id,
              d.next_attempt_at, o.outbox_id, o.attempts, d.was_in_doubt, o.lookups,
              extract(epoch FROM clock_timestamp() - o.in_doubt_since)::float8, o.accepted_at IS NOT NULL,
              extract(epoch FROM clock_timestamp() - o.attempted_at)::float8, o.sent_values::text)sql";

// A statement of its own: its snapshot is younger than the lock on the outbox row, so that the record is
// never older than the change that was claimed with it.
constexpr const char* records_sql = R"sql(
    SELECT k.position, w.*
    FROM unnest($1::text[], $2::uuid[]) WITH ORDINALITY AS k(tenant_id, record_id, position)
    CROSS JOIN LATERAL (
      {plain}SELECT x.* FROM {table} x WHERE x.tenant_id = k.tenant_id AND x.{id} = k.record_id
      {status}SELECT x.* FROM {table} x
      {status}WHERE x.tenant_id = k.tenant_id AND x.{id} = k.record_id
      {status}  AND NOT (SELECT EXISTS (SELECT FROM cmms.identity_alias a WHERE a.provider_id IS NOT NULL AND a.state = 'active'))
      {status}UNION ALL
      {status}SELECT y.* FROM {table} x CROSS JOIN LATERAL cmms.in_provider_words(x) AS y
      {status}WHERE x.tenant_id = k.tenant_id AND x.{id} = k.record_id
      {status}  AND (SELECT EXISTS (SELECT FROM cmms.identity_alias a WHERE a.provider_id IS NOT NULL AND a.state = 'active'))
      LIMIT 1) AS w)sql";

void read_records(const RecordTable& table, std::vector<ClaimedRow>& rows) {
  std::vector<std::string> tenant_ids;
  std::vector<std::string> record_ids;
  std::vector<std::size_t> positions;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].operation == "delete" || rows[i].key.resource != table.resource) continue;
    tenant_ids.push_back(rows[i].key.tenant_id);
    record_ids.push_back(rows[i].key.record_id);
    positions.push_back(i);
  }
  if (positions.empty()) return;
  static RecordStatement statement(records_sql, {TEXTARRAYOID, UUIDARRAYOID});
  const Rows found = statement.of(table).execute(
      {Param::array(TEXTARRAYOID, tenant_ids), Param::array(UUIDARRAYOID, record_ids)});
  if (found.empty()) return;
  const RowJson json(found.descriptor(), 1);
  for (std::size_t i = 0; i < found.size(); ++i) {
    ClaimedRow& row = rows[positions[static_cast<std::size_t>(found.integer(i, 0)) - 1]];
    // A create sends no nulls, so they are not carried along.
    row.record = json.text(found.tuple(i), row.operation == "create" ? Nulls::left_out : Nulls::kept);
  }
}

ClaimedRow claimed_row(const Rows& rows, std::size_t i) {
  ClaimedRow row;
  row.key = RecordKey{rows.text_or(i, 0, ""), rows.text_or(i, 1, ""), rows.text_or(i, 2, "")};
  row.provider_id = rows.text_or(i, 3, "");
  row.operation = rows.text_or(i, 4, "");
  for (std::optional<std::string>& field : rows.list(i, 5)) {
    if (field) row.changed_fields.push_back(std::move(*field));
  }
  row.source_record_id = rows.text_or(i, 6, "");
  row.place = QueuePlace{rows.text_or(i, 7, ""), rows.integer(i, 8)};
  row.attempts = static_cast<int>(rows.integer(i, 9));
  row.is_in_doubt = rows.boolean(i, 10);
  row.lookups = static_cast<int>(rows.integer(i, 11));
  row.seconds_in_doubt = rows.number(i, 12);
  row.is_accepted = rows.boolean(i, 13);
  if (!rows.is_null(i, 14)) row.seconds_since_attempt = rows.number(i, 14);
  if (!rows.is_null(i, 15)) row.sent_values = rows.text(i, 15);
  return row;
}

}  // namespace

std::vector<ClaimedRow> claim(const std::vector<ClaimRequest>& requests) {
  std::vector<std::string> provider_ids;
  std::vector<std::string> resources;
  std::vector<std::string> limits;
  std::vector<std::string> due_times;
  std::vector<std::string> outbox_ids;
  for (const ClaimRequest& request : requests) {
    provider_ids.push_back(request.provider_id);
    resources.push_back(request.resource);
    limits.push_back(std::to_string(request.limit));
    due_times.push_back(request.after ? request.after->due_at : "-infinity");
    outbox_ids.push_back(std::to_string(request.after ? request.after->outbox_id : 0));
  }
  static Statement statement(claim_sql,
                             {TEXTARRAYOID, TEXTARRAYOID, INT4ARRAYOID, TIMESTAMPTZARRAYOID, INT8ARRAYOID});
  const Rows rows =
      statement.execute({Param::array(TEXTARRAYOID, provider_ids), Param::array(TEXTARRAYOID, resources),
                         Param::array(INT4ARRAYOID, limits), Param::array(TIMESTAMPTZARRAYOID, due_times),
                         Param::array(INT8ARRAYOID, outbox_ids)});
  std::vector<ClaimedRow> claimed;
  claimed.reserve(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) claimed.push_back(claimed_row(rows, i));
  for (const RecordTable& table : record_tables) read_records(table, claimed);
  return claimed;
}

std::vector<AbandonedRow> abandoned_rows() {
  static Statement statement(
      "SELECT o.tenant_id, o.resource, o.record_id, o.claimed_at FROM cmms.outbox o WHERE o.state = "
      "'in_flight'",
      {});
  const Rows rows = statement.execute();
  std::vector<AbandonedRow> abandoned;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    RecordKey key{rows.text_or(i, 0, ""), rows.text_or(i, 1, ""), rows.text_or(i, 2, "")};
    abandoned.push_back({std::move(key), rows.text_or(i, 3, "")});
  }
  return abandoned;
}

namespace {

// A row without an id at the provider was a create, whatever became of it here meanwhile.
const std::string& recovery_sql() {
  static const std::string sql = [] {
    std::string text = R"sql(
      WITH abandoned AS MATERIALIZED (
        SELECT o.tenant_id, o.resource, o.record_id, o.operation = 'create' OR o.source_record_id IS NULL AS doubt,
          o.accepted_at IS NOT NULL AS accepted,
          CASE WHEN o.change_seq = o.claimed_change_seq THEN 'pending' ELSE cmms.unsent_state(o.provider_id) END AS state
        FROM unnest($1::text[], $2::text[], $3::uuid[], $4::timestamptz[]) AS k(tenant_id, resource, record_id, claimed_at)
        JOIN cmms.outbox o ON o.tenant_id = k.tenant_id AND o.resource = k.resource AND o.record_id = k.record_id
          AND o.claimed_at = k.claimed_at
        WHERE o.state = 'in_flight' FOR UPDATE OF o SKIP LOCKED),
        recovered AS (
        UPDATE cmms.outbox o SET state = CASE WHEN a.doubt THEN 'in_doubt' ELSE a.state END,
        in_doubt_since = CASE WHEN a.doubt THEN now() END, lookups = 0, next_attempt_at = now()
        FROM abandoned a
        WHERE o.tenant_id = a.tenant_id AND o.resource = a.resource AND o.record_id = a.record_id))sql";
    for (const RecordTable& table : record_tables) {
      text += for_table(R"sql(,
        marked_{resource} AS (
        UPDATE {table} w SET sync_state = 'in_doubt' FROM abandoned a CROSS JOIN LATERAL (
          SELECT x.ctid AS place FROM {table} x
          WHERE x.tenant_id = a.tenant_id AND x.{id} = a.record_id FOR UPDATE SKIP LOCKED) AS l
        WHERE a.doubt AND NOT a.accepted AND a.resource = '{resource}' AND w.ctid = l.place))sql",
                        table);
    }
    return text + R"sql(
      SELECT count(*) FILTER (WHERE a.doubt), count(*) FILTER (WHERE NOT a.doubt),
        (SELECT count(*) FROM unnest($1::text[], $2::text[], $3::uuid[], $4::timestamptz[])
           AS k(tenant_id, resource, record_id, claimed_at)
           JOIN cmms.outbox o ON o.tenant_id = k.tenant_id AND o.resource = k.resource AND o.record_id = k.record_id
             AND o.claimed_at = k.claimed_at
           WHERE o.state = 'in_flight') = count(*)
        FROM abandoned a)sql";
  }();
  return sql;
}

}  // namespace

Recovery recover(const std::vector<AbandonedRow>& abandoned) {
  KeyColumns keys;
  std::vector<std::string> claim_times;
  for (const AbandonedRow& row : abandoned) {
    keys.add(row.key);
    claim_times.push_back(row.claimed_at);
  }
  static Statement statement(recovery_sql().c_str(),
                             {TEXTARRAYOID, TEXTARRAYOID, UUIDARRAYOID, TIMESTAMPTZARRAYOID});
  const Rows rows = statement.execute({keys.tenants(), keys.resource_names(), keys.records(),
                                       Param::array(TIMESTAMPTZARRAYOID, claim_times)});
  return {static_cast<std::size_t>(rows.integer(0, 0)), static_cast<std::size_t>(rows.integer(0, 1)),
          rows.boolean(0, 2)};
}

std::optional<double> seconds_to_next_row(const std::vector<QueueLane>& lanes) {
  std::vector<std::string> provider_ids;
  std::vector<std::string> resources;
  for (const QueueLane& lane : lanes) {
    provider_ids.push_back(lane.provider_id);
    resources.push_back(lane.resource);
  }
  static Statement statement(
      R"sql(
      SELECT extract(epoch FROM min(q.next_attempt_at) - clock_timestamp())::float8
        FROM unnest($1::text[], $2::text[]) AS p(provider_id, resource)
        CROSS JOIN LATERAL (
          SELECT o.next_attempt_at FROM cmms.outbox o
          WHERE o.provider_id = p.provider_id AND o.resource = p.resource AND o.state IN ('pending', 'in_doubt')
          AND o.next_attempt_at < 'infinity'
          ORDER BY o.next_attempt_at, o.outbox_id LIMIT 1) AS q)sql",
      {TEXTARRAYOID, TEXTARRAYOID});
  const Rows rows =
      statement.execute({Param::array(TEXTARRAYOID, provider_ids), Param::array(TEXTARRAYOID, resources)});
  if (rows.empty() || rows.is_null(0, 0)) return std::nullopt;
  return rows.number(0, 0);
}

void release(const std::vector<RecordKey>& keys) {
  KeyColumns columns;
  for (const RecordKey& key : keys) columns.add(key);
  static Statement statement(
      R"sql(
      UPDATE cmms.outbox o
      SET state = CASE WHEN o.in_doubt_since IS NOT NULL THEN 'in_doubt'
                       WHEN o.change_seq = o.claimed_change_seq THEN 'pending' ELSE cmms.unsent_state(o.provider_id) END,
          attempts = CASE WHEN o.in_doubt_since IS NULL THEN greatest(o.attempts - 1, 0) ELSE o.attempts END,
          claimed_at = NULL
      WHERE o.ctid = ANY (ARRAY(
        SELECT q.place FROM unnest($1::text[], $2::text[], $3::uuid[]) AS k(tenant_id, resource, record_id)
        CROSS JOIN LATERAL (
          SELECT x.ctid AS place, x.state FROM cmms.outbox x
          WHERE x.tenant_id = k.tenant_id AND x.resource = k.resource AND x.record_id = k.record_id LIMIT 1) AS q
        WHERE q.state = 'in_flight')))sql",
      {TEXTARRAYOID, TEXTARRAYOID, UUIDARRAYOID});
  statement.execute({columns.tenants(), columns.resource_names(), columns.records()});
}

namespace {

// A row that is not returned by a locking part is either locked by somebody else or not there at all.
constexpr const char* lock_sql = R"sql(
      SELECT k.position
      FROM unnest($1::text[], $2::uuid[]) WITH ORDINALITY AS k(tenant_id, record_id, position)
      LEFT JOIN LATERAL (
        SELECT true AS is_ours FROM cmms.outbox x
        WHERE x.tenant_id = k.tenant_id AND x.resource = '{resource}' AND x.record_id = k.record_id
        LIMIT 1 FOR UPDATE SKIP LOCKED) AS o ON true
      LEFT JOIN LATERAL (
        SELECT true AS is_ours FROM {table} x
        WHERE x.tenant_id = k.tenant_id AND x.{id} = k.record_id
        LIMIT 1 FOR UPDATE SKIP LOCKED) AS w ON true
      WHERE (o.is_ours OR NOT EXISTS (
          SELECT FROM cmms.outbox x
          WHERE x.tenant_id = k.tenant_id AND x.resource = '{resource}' AND x.record_id = k.record_id))
        AND (w.is_ours OR NOT EXISTS (
          SELECT FROM {table} x WHERE x.tenant_id = k.tenant_id AND x.{id} = k.record_id)))sql";

void lock_rows(const RecordTable& table, const std::vector<RecordKey>& keys,
               std::vector<std::size_t>& positions) {
  KeyColumns columns;
  std::vector<std::size_t> places;  // in `keys`
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (keys[i].resource != table.resource) continue;
    columns.add(keys[i]);
    places.push_back(i);
  }
  if (places.empty()) return;
  static RecordStatement statement(lock_sql, {TEXTARRAYOID, UUIDARRAYOID});
  const Rows rows = statement.of(table).execute({columns.tenants(), columns.records()});
  for (std::size_t i = 0; i < rows.size(); ++i) {
    positions.push_back(places[static_cast<std::size_t>(rows.integer(i, 0)) - 1]);
  }
}

}  // namespace

std::vector<std::size_t> lock(const std::vector<RecordKey>& keys) {
  std::vector<std::size_t> positions;
  positions.reserve(keys.size());
  for (const RecordTable& table : record_tables) lock_rows(table, keys, positions);
  std::sort(positions.begin(), positions.end());
  return positions;
}

}  // namespace cmms::pg::store
