#include "pg/prelude.hpp"

#include "pg/store/push_result.hpp"

#include "pg/boundary/spi.hpp"
#include "pg/store/columns.hpp"
#include "pg/store/record_table.hpp"

namespace cmms::pg::store {
namespace {

std::optional<std::string> unless_empty(const std::string& text) {
  if (text.empty()) return std::nullopt;
  return text;
}

const char* state_name(Settlement::State state) {
  switch (state) {
    case Settlement::State::pending:
      return "pending";
    case Settlement::State::in_doubt:
      return "in_doubt";
    case Settlement::State::held:
      return "held";
    case Settlement::State::removed:
      return "removed";
  }
  return "pending";
}

// Here and below rows are looked up by key once, one by one, and then reached by their place in the table:
// the caller has locked them, and no estimate, made perhaps while the tables were empty, can turn that into a
// scan.
// A create that a poll or webhook has settled while its answer or look-up was under way has been told by that
// what the provider said: its own answer may hold newer values, which are left to be told as news.
constexpr const char* acknowledge_sql = R"sql(
    WITH r AS MATERIALIZED (
      SELECT v.*, q.place AS outbox_place, q.is_current, q.is_create
      FROM unnest($1::text[], $2::text[], $3::uuid[], $4::text[], $5::jsonb[], $6::jsonb[], $7::text[], $8::text[],
                  $9::timestamptz[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[])
        AS v(tenant_id, resource, record_id, source_record_id, document, fields, source_status, source_priority,
             source_updated_at, source_revision, identifier, provider_id, sent_fields, remaining_fields, sync_state)
      LEFT JOIN LATERAL (
        SELECT x.ctid AS place, x.change_seq IS NOT DISTINCT FROM x.claimed_change_seq AS is_current,
               x.operation = 'create' AS is_create
        FROM cmms.outbox x
        WHERE x.tenant_id = v.tenant_id AND x.resource = v.resource AND x.record_id = v.record_id
          AND coalesce(x.state, '') = 'in_flight' LIMIT 1) AS q ON true),
    unheld AS (
      DELETE FROM cmms.held_record h WHERE h.ctid = ANY (ARRAY(
        SELECT q.place FROM r CROSS JOIN LATERAL (
          SELECT x.ctid AS place FROM cmms.held_record x
          WHERE x.tenant_id = r.tenant_id AND x.provider_id = r.provider_id AND x.resource = r.resource
            AND x.direction = 'outbound' AND x.source_record_id = r.record_id::text LIMIT 1) AS q))),
    done AS (
      DELETE FROM cmms.outbox o WHERE o.ctid = ANY (ARRAY(
        SELECT r.outbox_place FROM r WHERE r.is_current AND r.remaining_fields IS NULL))),
    again AS (
      UPDATE cmms.outbox o
      SET state = CASE WHEN r.is_current THEN 'pending' ELSE cmms.unsent_state(o.provider_id) END,
          changed_fields = CASE WHEN r.is_current THEN r.remaining_fields::text[]
                                WHEN r.remaining_fields IS NULL THEN o.changed_fields
                                ELSE ARRAY(SELECT f FROM unnest(o.changed_fields) f UNION SELECT f FROM unnest(r.remaining_fields::text[]) f) END,
          next_attempt_at = now(), attempts = 0, lookups = 0, accepted_at = NULL,
          operation = CASE o.operation WHEN 'delete' THEN 'delete' ELSE 'update' END,
          source_record_id = coalesce(r.source_record_id, o.source_record_id),
          claimed_change_seq = NULL, claimed_at = NULL, in_doubt_since = NULL,
          last_error = NULL, last_error_class = NULL
      FROM r WHERE o.ctid = r.outbox_place AND NOT (r.is_current AND r.remaining_fields IS NULL))
    UPDATE {table} w
    SET {source_id} = coalesce(r.source_record_id, w.{source_id}),
        source_doc = coalesce(r.document, w.source_doc),
        source_fields = CASE WHEN r.fields IS NULL OR r.is_create AND w.{source_id} IS NOT NULL THEN w.source_fields
                             ELSE coalesce(w.source_fields, '{}') || r.fields END,
        {status}source_status = coalesce(r.source_status, w.source_status),
        {status}source_priority = coalesce(r.source_priority, w.source_priority),
        source_updated_at = coalesce(r.source_updated_at, w.source_updated_at),
        source_revision = coalesce(r.source_revision, w.source_revision),
        identifier = coalesce(w.identifier, r.identifier),
        sync_state = CASE WHEN r.is_current IS FALSE THEN cmms.unsent_state(r.provider_id)
                          WHEN r.is_current AND r.remaining_fields IS NOT NULL THEN 'pending' ELSE r.sync_state END,
        awaited_echo = r.sent_fields::text[],
        last_synced_at = now(), last_error = NULL, last_error_class = NULL, last_error_detail = NULL
    FROM r CROSS JOIN LATERAL (
      SELECT x.ctid AS place FROM {table} x
      WHERE x.tenant_id = r.tenant_id AND x.{id} = r.record_id LIMIT 1) AS q
    WHERE w.ctid = q.place)sql";

// A create that a webhook or poll has settled while its answer or look-up was under way is done, whatever
// that ended with; cmms.settle_adopted has noted the provider's id in the outbox where the status has still
// to be walked to. A row that a change has overtaken since the claim is not given up: what is sent next is
// something else, and in mode draft something that nobody has approved. A record that was deleted here before
// the provider ever got it needs no further attempt.
constexpr const char* settle_sql = R"sql(
    WITH told AS (
      SELECT v.*, q.place AS outbox_place, q.is_changed AND v.state IN ('removed', 'held') AS is_overtaken,
             q.is_changed AND v.state = 'pending' AND cmms.unsent_state(v.provider_id) <> 'pending' AS is_unapproved,
             v.state <> 'in_doubt' AND q.is_unsent_delete AS is_moot, q.is_changed, q.status_follows,
             CASE WHEN q.is_create AND v.state <> 'held' THEN (
               SELECT k.{source_id} FROM {table} k WHERE k.tenant_id = v.tenant_id AND k.{id} = v.record_id) END AS known_id
      FROM unnest($1::text[], $2::text[], $3::uuid[], $4::text[], $5::float8[], $6::bool[], $7::bool[], $8::text[],
                  $9::text[], $10::text[], $11::jsonb[], $12::text[], $13::bool[])
        AS v(tenant_id, resource, record_id, state, delay, attempt_counts, lookup_counts, sync_state,
             error, error_class, error_detail, provider_id, is_accepted)
      CROSS JOIN LATERAL (
        SELECT x.ctid AS place, x.change_seq IS DISTINCT FROM x.claimed_change_seq AS is_changed,
               x.operation = 'create' AS is_create, x.source_record_id IS NOT NULL AS status_follows,
               x.operation = 'delete' AND x.source_record_id IS NULL AS is_unsent_delete
        FROM cmms.outbox x
        WHERE x.tenant_id = v.tenant_id AND x.resource = v.resource AND x.record_id = v.record_id
          AND coalesce(x.state, '') = 'in_flight' LIMIT 1) AS q),
    r AS MATERIALIZED (
      SELECT t.*, t.known_id IS NOT NULL AS is_known,
             t.is_moot OR CASE WHEN t.known_id IS NULL THEN t.state = 'removed' AND NOT t.is_overtaken
                               ELSE NOT t.is_changed AND NOT t.status_follows END AS is_done
      FROM told t),
    unheld AS (
      DELETE FROM cmms.held_record h WHERE h.ctid = ANY (ARRAY(
        SELECT q.place FROM r CROSS JOIN LATERAL (
          SELECT x.ctid AS place FROM cmms.held_record x
          WHERE x.tenant_id = r.tenant_id AND x.provider_id = r.provider_id AND x.resource = r.resource
            AND x.direction = 'outbound' AND x.source_record_id = r.record_id::text LIMIT 1) AS q
        WHERE r.state <> 'held'))),
    removed AS (
      DELETE FROM cmms.outbox o WHERE o.ctid = ANY (ARRAY(SELECT r.outbox_place FROM r WHERE r.is_done))),
    kept AS (
      UPDATE cmms.outbox o
      SET state = CASE WHEN r.is_overtaken OR r.is_unapproved OR r.is_known AND r.is_changed THEN cmms.unsent_state(o.provider_id)
                       WHEN r.is_known THEN 'pending' ELSE r.state END,
          operation = CASE WHEN r.is_known THEN 'update' ELSE o.operation END,
          source_record_id = coalesce(r.known_id, o.source_record_id),
          changed_fields = CASE WHEN r.is_known AND NOT r.is_changed THEN '{common_status}' ELSE o.changed_fields END,
          next_attempt_at = CASE WHEN r.is_known OR r.is_overtaken OR r.delay = 0 THEN least(o.next_attempt_at, now())
                                 ELSE coalesce(now() + make_interval(secs => r.delay), 'infinity') END,
          attempts = CASE WHEN r.is_known OR r.is_overtaken THEN 0 WHEN r.attempt_counts THEN o.attempts
                          ELSE greatest(o.attempts - 1, 0) END,
          in_doubt_since = CASE WHEN r.state = 'in_doubt' AND NOT r.is_known THEN coalesce(o.in_doubt_since, now()) END,
          accepted_at = CASE WHEN r.is_known THEN NULL WHEN r.is_accepted THEN now()
                             WHEN r.state = 'in_doubt' THEN o.accepted_at END,
          lookups = CASE WHEN r.state = 'in_doubt' AND NOT r.is_known THEN o.lookups + r.lookup_counts::int ELSE 0 END,
          claimed_at = NULL, last_error = CASE WHEN NOT r.is_known THEN r.error END,
          last_error_class = CASE WHEN NOT r.is_known THEN r.error_class END
      FROM r WHERE o.ctid = r.outbox_place AND NOT r.is_done)
    UPDATE {table} w
    SET sync_state = CASE WHEN r.is_overtaken OR r.is_unapproved OR r.is_known AND r.is_changed THEN cmms.unsent_state(r.provider_id)
                          WHEN r.is_known AND r.status_follows THEN 'pending'
                          WHEN r.is_known THEN 'synchronized' ELSE r.sync_state END,
        last_error = CASE WHEN NOT r.is_known THEN r.error END,
        last_error_class = CASE WHEN NOT r.is_known THEN r.error_class END,
        last_error_detail = CASE WHEN NOT r.is_known THEN r.error_detail END
    FROM r CROSS JOIN LATERAL (
      SELECT x.ctid AS place FROM {table} x
      WHERE x.tenant_id = r.tenant_id AND x.{id} = r.record_id LIMIT 1) AS q
    WHERE w.ctid = q.place)sql";

constexpr const char* hold_sql = R"sql(
    WITH r AS MATERIALIZED (
      SELECT * FROM unnest($1::text[], $2::text[], $3::uuid[], $4::text[], $5::text[], $6::jsonb[], $7::jsonb[])
        AS r(tenant_id, resource, record_id, provider_id, reason, problems, document)),
    kept AS (
      INSERT INTO cmms.held_record (tenant_id, provider_id, resource, direction, source_record_id, reason, problems,
                                    document)
      SELECT r.tenant_id, r.provider_id, r.resource, 'outbound', r.record_id::text, r.reason, r.problems, r.document
      FROM r
      ON CONFLICT (tenant_id, provider_id, resource, direction, source_record_id) DO UPDATE
        SET reason = excluded.reason, problems = excluded.problems, document = excluded.document, held_at = now())
    INSERT INTO cmms.unmapped_value AS u
      (tenant_id, provider_id, resource, vocabulary, direction, value, occurrences, sample)
    SELECT r.tenant_id, r.provider_id, r.resource, p.problem ->> 'vocabulary', 'outbound', p.problem ->> 'value',
           count(*), (array_agg(r.document))[1]
    FROM r CROSS JOIN LATERAL jsonb_array_elements(
      CASE jsonb_typeof(r.problems) WHEN 'array' THEN r.problems ELSE '[]' END) AS p(problem)
    WHERE p.problem ->> 'kind' = 'unmapped_value' AND p.problem ->> 'vocabulary' IS NOT NULL
      AND p.problem ->> 'value' IS NOT NULL
    GROUP BY 1, 2, 3, 4, 6
    ON CONFLICT (tenant_id, provider_id, resource, vocabulary, direction, value) DO UPDATE
      SET occurrences = u.occurrences + excluded.occurrences, last_seen_at = now(), sample = excluded.sample)sql";

constexpr const char* add_events_sql = R"sql(
    WITH written AS (
      INSERT INTO cmms.event AS e (tenant_id, event_type, provider_id, resource, record_id, detail)
      SELECT r.tenant_id, r.event_type, r.provider_id, r.resource, r.record_id, r.detail
      FROM unnest($1::text[], $2::text[], $3::uuid[], $4::text[], $5::text[], $6::jsonb[])
        AS r(tenant_id, resource, record_id, event_type, provider_id, detail)
      RETURNING e.tenant_id, e.event_type, e.provider_id, e.event_id)
    SELECT cmms.notify_event(w.event_type, w.tenant_id, w.provider_id, count(*), max(w.event_id))
    FROM written w GROUP BY w.event_type, w.tenant_id, w.provider_id)sql";

}  // namespace

namespace {

void acknowledge_rows(const RecordTable& table, const std::vector<const Acknowledgement*>& acknowledgements) {
  KeyColumns keys;
  TextList source_record_ids;
  TextList documents;
  TextList fields;
  TextList statuses;
  TextList priorities;
  TextList updated_at;
  TextList revisions;
  TextList identifiers;
  std::vector<std::string> provider_ids;
  TextList sent_fields;
  TextList remaining_fields;
  std::vector<std::string> sync_states;
  for (const Acknowledgement* acknowledgement : acknowledgements) {
    const Acknowledgement& row = *acknowledgement;
    keys.add(row.key);
    source_record_ids.push_back(unless_empty(row.source_record_id));
    documents.push_back(row.document);
    fields.push_back(row.fields);
    statuses.push_back(row.source_status);
    priorities.push_back(row.source_priority);
    updated_at.push_back(row.source_updated_at);
    revisions.push_back(row.source_revision);
    identifiers.push_back(row.identifier);
    provider_ids.push_back(row.provider_id);
    sent_fields.push_back(unless_empty(row.sent_fields));
    remaining_fields.push_back(unless_empty(row.remaining_fields));
    sync_states.push_back(row.sync_state);
  }
  static RecordStatement statement(
      acknowledge_sql, {TEXTARRAYOID, TEXTARRAYOID, UUIDARRAYOID, TEXTARRAYOID, JSONBARRAYOID, JSONBARRAYOID,
                        TEXTARRAYOID, TEXTARRAYOID, TIMESTAMPTZARRAYOID, TEXTARRAYOID, TEXTARRAYOID,
                        TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID});
  statement.of(table).execute(
      {keys.tenants(), keys.resource_names(), keys.records(), Param::array(TEXTARRAYOID, source_record_ids),
       Param::array(JSONBARRAYOID, documents), Param::array(JSONBARRAYOID, fields),
       Param::array(TEXTARRAYOID, statuses), Param::array(TEXTARRAYOID, priorities),
       Param::array(TIMESTAMPTZARRAYOID, updated_at), Param::array(TEXTARRAYOID, revisions),
       Param::array(TEXTARRAYOID, identifiers), Param::array(TEXTARRAYOID, provider_ids),
       Param::array(TEXTARRAYOID, sent_fields), Param::array(TEXTARRAYOID, remaining_fields),
       Param::array(TEXTARRAYOID, sync_states)});
}

void settle_rows(const RecordTable& table, const std::vector<const Settlement*>& settlements) {
  KeyColumns keys;
  TextList states;
  TextList delays;
  TextList attempt_counts;
  TextList lookup_counts;
  TextList sync_states;
  TextList errors;
  TextList error_classes;
  TextList error_details;
  TextList are_accepted;
  std::vector<std::string> provider_ids;
  for (const Settlement* settlement : settlements) {
    const Settlement& row = *settlement;
    keys.add(row.key);
    states.emplace_back(state_name(row.state));
    delays.push_back(row.delay_seconds ? std::optional(std::to_string(*row.delay_seconds)) : std::nullopt);
    attempt_counts.emplace_back(row.attempt_counts ? "t" : "f");
    lookup_counts.emplace_back(row.lookup_counts ? "t" : "f");
    sync_states.emplace_back(row.sync_state);
    errors.push_back(unless_empty(row.error));
    error_classes.push_back(unless_empty(row.error_class));
    error_details.push_back(unless_empty(row.error_detail));
    are_accepted.emplace_back(row.is_accepted ? "t" : "f");
    provider_ids.push_back(row.provider_id);
  }
  static RecordStatement statement(
      settle_sql,
      {TEXTARRAYOID, TEXTARRAYOID, UUIDARRAYOID, TEXTARRAYOID, FLOAT8ARRAYOID, BOOLARRAYOID, BOOLARRAYOID,
       TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, JSONBARRAYOID, TEXTARRAYOID, BOOLARRAYOID});
  statement.of(table).execute(
      {keys.tenants(), keys.resource_names(), keys.records(), Param::array(TEXTARRAYOID, states),
       Param::array(FLOAT8ARRAYOID, delays), Param::array(BOOLARRAYOID, attempt_counts),
       Param::array(BOOLARRAYOID, lookup_counts), Param::array(TEXTARRAYOID, sync_states),
       Param::array(TEXTARRAYOID, errors), Param::array(TEXTARRAYOID, error_classes),
       Param::array(JSONBARRAYOID, error_details), Param::array(TEXTARRAYOID, provider_ids),
       Param::array(BOOLARRAYOID, are_accepted)});
}

}  // namespace

void acknowledge(const std::vector<Acknowledgement>& acknowledgements) {
  for_each_table(acknowledgements, acknowledge_rows);
}

void absorb_import(const RecordKey& key, std::string_view provider_id, std::string_view source_record_id) {
  static Statement statement("SELECT cmms.absorb_import($1, $2, $3, $4)",
                             {TEXTOID, TEXTOID, UUIDOID, TEXTOID});
  statement.execute({key.tenant_id, provider_id, Param::uuid(key.record_id), source_record_id});
}

void settle(const std::vector<Settlement>& settlements) { for_each_table(settlements, settle_rows); }

void hold(const std::vector<HeldPush>& held) {
  if (held.empty()) return;
  KeyColumns keys;
  std::vector<std::string> provider_ids;
  std::vector<std::string> reasons;
  std::vector<std::string> problems;
  std::vector<std::string> documents;
  for (const HeldPush& row : held) {
    keys.add(row.key);
    provider_ids.push_back(row.provider_id);
    reasons.push_back(row.reason);
    problems.push_back(row.problems);
    documents.push_back(row.document);
  }
  // An outbound record is known by our own id: the provider may not have one for it yet.
  static Statement statement(hold_sql, {TEXTARRAYOID, TEXTARRAYOID, UUIDARRAYOID, TEXTARRAYOID, TEXTARRAYOID,
                                        JSONBARRAYOID, JSONBARRAYOID});
  statement.execute({keys.tenants(), keys.resource_names(), keys.records(),
                     Param::array(TEXTARRAYOID, provider_ids), Param::array(TEXTARRAYOID, reasons),
                     Param::array(JSONBARRAYOID, problems), Param::array(JSONBARRAYOID, documents)});
}

void add_events(const std::vector<EventRow>& events) {
  if (events.empty()) return;
  KeyColumns keys;
  std::vector<std::string> types;
  std::vector<std::string> provider_ids;
  std::vector<std::string> details;
  for (const EventRow& row : events) {
    keys.add(row.key);
    types.push_back(row.event_type);
    provider_ids.push_back(row.provider_id);
    details.push_back(row.detail);
  }
  static Statement statement(
      add_events_sql, {TEXTARRAYOID, TEXTARRAYOID, UUIDARRAYOID, TEXTARRAYOID, TEXTARRAYOID, JSONBARRAYOID});
  statement.execute({keys.tenants(), keys.resource_names(), keys.records(), Param::array(TEXTARRAYOID, types),
                     Param::array(TEXTARRAYOID, provider_ids), Param::array(JSONBARRAYOID, details)});
}

}  // namespace cmms::pg::store
