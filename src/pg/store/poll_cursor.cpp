#include "pg/prelude.hpp"

#include "pg/store/poll_cursor.hpp"

#include "pg/boundary/spi.hpp"

namespace cmms::pg::store {

void ensure_poll_cursors(const std::vector<PollKey>& keys) {
  if (keys.empty()) return;
  std::vector<std::string> tenant_ids;
  std::vector<std::string> provider_ids;
  std::vector<std::string> resources;
  for (const PollKey& key : keys) {
    tenant_ids.push_back(key.tenant_id);
    provider_ids.push_back(key.provider_id);
    resources.push_back(key.resource);
  }
  static Statement statement(
      R"sql(
      INSERT INTO cmms.poll_cursor (tenant_id, provider_id, resource, next_poll_at)
        SELECT k.tenant_id, k.provider_id, k.resource, now()
        FROM unnest($1::text[], $2::text[], $3::text[]) AS k(tenant_id, provider_id, resource)
        WHERE NOT EXISTS (SELECT FROM cmms.poll_cursor c WHERE c.tenant_id = k.tenant_id
          AND c.provider_id = k.provider_id AND c.resource = k.resource)
        ON CONFLICT (tenant_id, provider_id, resource) DO NOTHING)sql",
      {TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID});
  statement.execute({Param::array(TEXTARRAYOID, tenant_ids), Param::array(TEXTARRAYOID, provider_ids),
                     Param::array(TEXTARRAYOID, resources)});
}

std::vector<DuePoll> start_polls(const std::vector<std::string>& provider_ids) {
  static Statement statement(
      R"sql(
      WITH due AS MATERIALIZED (
        SELECT q.* FROM unnest($1::text[]) AS p(provider_id) CROSS JOIN LATERAL (
          SELECT c.tenant_id, c.provider_id, c.resource, c.poll_requested_at IS NOT NULL AS was_requested,
            c.cursor IS NULL AS has_no_cursor, c.backfill_records, c.backfill_completed_at IS NOT NULL AS backfill_is_complete
          FROM cmms.poll_cursor c
          WHERE c.provider_id = p.provider_id AND (c.poll_requested_at IS NOT NULL OR c.next_poll_at <= now())
          ORDER BY c.poll_requested_at, c.next_poll_at LIMIT 1 FOR UPDATE SKIP LOCKED) AS q)
      UPDATE cmms.poll_cursor c SET poll_requested_at = NULL, last_poll_at = now(),
        next_poll_at = least(c.next_poll_at, now()),
        backfill_started_at = CASE WHEN b.is_repeated THEN now() ELSE coalesce(c.backfill_started_at, now()) END,
        backfill_records = CASE WHEN b.is_at_start THEN 0 ELSE c.backfill_records END,
        backfill_total = CASE WHEN b.is_at_start THEN NULL ELSE c.backfill_total END,
        backfill_completed_at = CASE WHEN b.is_repeated THEN NULL ELSE c.backfill_completed_at END
        FROM due d CROSS JOIN LATERAL (
          -- Reading from the beginning: again, because somebody took the cursor away, or still.
          SELECT d.has_no_cursor AND d.backfill_records > 0 AS is_at_start,
                 d.has_no_cursor AND d.backfill_records > 0 AND d.backfill_is_complete AS is_repeated) b
        WHERE c.tenant_id = d.tenant_id AND c.provider_id = d.provider_id AND c.resource = d.resource
        RETURNING c.tenant_id, c.provider_id, c.resource, c.cursor, d.was_requested)sql",
      {TEXTARRAYOID});
  const Rows rows = statement.execute({Param::array(TEXTARRAYOID, provider_ids)});
  std::vector<DuePoll> polls;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    DuePoll poll;
    poll.key = PollKey{rows.text_or(i, 0, ""), rows.text_or(i, 1, ""), rows.text_or(i, 2, "")};
    poll.cursor = rows.text_or(i, 3, "");
    poll.was_requested = rows.boolean(i, 4);
    polls.push_back(std::move(poll));
  }
  return polls;
}

std::vector<PollTime> poll_times(const std::vector<std::string>& provider_ids) {
  static Statement statement(
      R"sql(
      SELECT c.provider_id,
             extract(epoch FROM min(CASE WHEN c.poll_requested_at IS NOT NULL THEN now() ELSE c.next_poll_at END)
                                - clock_timestamp())::float8
      FROM cmms.poll_cursor c
      WHERE c.provider_id = ANY ($1) AND (c.poll_requested_at IS NOT NULL OR c.next_poll_at < 'infinity')
      GROUP BY c.provider_id)sql",
      {TEXTARRAYOID});
  const Rows rows = statement.execute({Param::array(TEXTARRAYOID, provider_ids)});
  std::vector<PollTime> times;
  for (std::size_t i = 0; i < rows.size(); ++i) times.push_back({rows.text_or(i, 0, ""), rows.number(i, 1)});
  return times;
}

void advance_poll(const PollKey& key, const std::string& cursor, std::size_t records,
                  std::optional<std::int64_t> total) {
  static Statement statement(
      R"sql(
      UPDATE cmms.poll_cursor SET cursor = coalesce($4, cursor), records_seen = records_seen + $5,
        backfill_records = backfill_records + CASE WHEN backfill_completed_at IS NULL THEN $5 ELSE 0 END,
        backfill_total = CASE WHEN backfill_completed_at IS NULL THEN coalesce(backfill_total, backfill_records + $6) ELSE backfill_total END
        WHERE tenant_id = $1 AND provider_id = $2 AND resource = $3)sql",
      {TEXTOID, TEXTOID, TEXTOID, JSONBOID, INT8OID, INT8OID});
  statement.execute({key.tenant_id, key.provider_id, key.resource,
                     cursor.empty() ? Param::null(JSONBOID) : Param::json(cursor),
                     static_cast<std::int64_t>(records), total ? Param(*total) : Param::null(INT8OID)});
}

void end_poll(const PollEnd& end) {
  // The time of the next poll counts from the end of this one, so that slow polls do not pile up.
  static Statement statement(
      R"sql(
      UPDATE cmms.poll_cursor SET next_poll_at = clock_timestamp() + make_interval(secs => $4),
        last_complete_at = CASE WHEN $5 THEN clock_timestamp() ELSE last_complete_at END, last_error = $6,
        backfill_completed_at = CASE WHEN $5 THEN coalesce(backfill_completed_at, clock_timestamp())
                                     ELSE backfill_completed_at END,
        poll_requested_at = CASE WHEN $7 THEN coalesce(poll_requested_at, now()) ELSE poll_requested_at END
        WHERE tenant_id = $1 AND provider_id = $2 AND resource = $3)sql",
      {TEXTOID, TEXTOID, TEXTOID, FLOAT8OID, BOOLOID, TEXTOID, BOOLOID});
  statement.execute({end.key.tenant_id, end.key.provider_id, end.key.resource,
                     Param::datum(FLOAT8OID, Float8GetDatum(end.seconds_to_next)), end.is_complete, end.error,
                     end.stays_requested});
}

}  // namespace cmms::pg::store
