#include "pg/prelude.hpp"

#include "pg/store/read_back.hpp"

#include <algorithm>

#include "pg/boundary/spi.hpp"

namespace cmms::pg::store {

std::vector<ReadBackRow> claim_read_backs(const std::vector<ReadBackRequest>& requests) {
  std::vector<std::string> provider_ids;
  std::vector<std::string> limits;
  for (const ReadBackRequest& request : requests) {
    provider_ids.push_back(request.provider_id);
    limits.push_back(std::to_string(request.limit));
  }
  static Statement statement(
      R"sql(
      WITH due AS MATERIALIZED (
        SELECT q.place
        FROM unnest($1::text[], $2::int4[]) AS p(provider_id, row_limit)
        CROSS JOIN LATERAL (
          SELECT r.ctid AS place FROM cmms.read_back r
          WHERE r.provider_id = p.provider_id AND r.next_attempt_at <= now()
          ORDER BY r.next_attempt_at LIMIT p.row_limit FOR UPDATE SKIP LOCKED) AS q)
      UPDATE cmms.read_back r SET claimed_at = now(), attempts = r.attempts + 1, next_attempt_at = 'infinity'
      FROM due d WHERE r.ctid = d.place
      RETURNING r.tenant_id, r.provider_id, r.resource, r.source_record_id, r.requested_at, r.attempts)sql",
      {TEXTARRAYOID, INT4ARRAYOID});
  const Rows rows =
      statement.execute({Param::array(TEXTARRAYOID, provider_ids), Param::array(INT4ARRAYOID, limits)});
  std::vector<ReadBackRow> claimed;
  claimed.reserve(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    claimed.push_back({rows.text_or(i, 0, ""), rows.text_or(i, 1, ""), rows.text_or(i, 2, ""),
                       rows.text_or(i, 3, ""), rows.text_or(i, 4, ""), static_cast<int>(rows.integer(i, 5))});
  }
  return claimed;
}

void recover_read_backs() {
  static Statement statement(
      "UPDATE cmms.read_back SET claimed_at = NULL, next_attempt_at = now() WHERE claimed_at IS NOT NULL",
      {});
  statement.execute();
}

std::vector<ReadBackTime> read_back_times(const std::vector<std::string>& provider_ids) {
  static Statement statement(
      R"sql(
      SELECT p.provider_id, extract(epoch FROM q.next_attempt_at - clock_timestamp())::float8
      FROM unnest($1::text[]) AS p(provider_id)
      CROSS JOIN LATERAL (
        SELECT r.next_attempt_at FROM cmms.read_back r
        WHERE r.provider_id = p.provider_id AND r.next_attempt_at < 'infinity'
        ORDER BY r.next_attempt_at LIMIT 1) AS q)sql",
      {TEXTARRAYOID});
  const Rows rows = statement.execute({Param::array(TEXTARRAYOID, provider_ids)});
  std::vector<ReadBackTime> times;
  for (std::size_t i = 0; i < rows.size(); ++i) times.push_back({rows.text_or(i, 0, ""), rows.number(i, 1)});
  return times;
}

void end_read_backs(const std::vector<ReadBackEnd>& ends) {
  if (ends.empty()) return;
  std::vector<std::string> tenant_ids;
  std::vector<std::string> provider_ids;
  std::vector<std::string> resources;
  std::vector<std::string> ids;
  std::vector<std::string> requested_at;
  std::vector<std::string> are_done;
  std::vector<std::string> delays;
  TextList errors;
  for (const ReadBackEnd& end : ends) {
    tenant_ids.push_back(end.row.tenant_id);
    provider_ids.push_back(end.row.provider_id);
    resources.push_back(end.row.resource);
    ids.push_back(end.row.source_record_id);
    requested_at.push_back(end.row.requested_at);
    are_done.emplace_back(end.is_done ? "t" : "f");
    delays.push_back(std::to_string(end.delay_seconds));
    errors.push_back(end.error.empty() ? std::nullopt : std::optional(end.error));
  }
  // Asked for again while it was being read: it is due at once.
  static Statement statement(
      R"sql(
      WITH r AS MATERIALIZED (
        SELECT q.place, v.is_done AND NOT q.is_newer AS is_done, q.is_newer, v.delay, v.error
        FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::bool[], $7::float8[], $8::text[])
          AS v(tenant_id, provider_id, resource, source_record_id, requested_at, is_done, delay, error)
        CROSS JOIN LATERAL (
          SELECT x.ctid AS place, x.requested_at > v.requested_at AS is_newer FROM cmms.read_back x
          WHERE x.tenant_id = v.tenant_id AND x.provider_id = v.provider_id AND x.resource = v.resource
            AND x.source_record_id = v.source_record_id AND x.claimed_at IS NOT NULL LIMIT 1 FOR UPDATE) AS q),
      done AS (
        DELETE FROM cmms.read_back b WHERE b.ctid = ANY (ARRAY(SELECT r.place FROM r WHERE r.is_done)))
      UPDATE cmms.read_back b
      SET claimed_at = NULL, last_error = r.error,
          next_attempt_at = now() + CASE WHEN r.is_newer THEN interval '0' ELSE make_interval(secs => r.delay) END
      FROM r WHERE b.ctid = r.place AND NOT r.is_done)sql",
      {TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TIMESTAMPTZARRAYOID, BOOLARRAYOID,
       FLOAT8ARRAYOID, TEXTARRAYOID});
  statement.execute({Param::array(TEXTARRAYOID, tenant_ids), Param::array(TEXTARRAYOID, provider_ids),
                     Param::array(TEXTARRAYOID, resources), Param::array(TEXTARRAYOID, ids),
                     Param::array(TIMESTAMPTZARRAYOID, requested_at), Param::array(BOOLARRAYOID, are_done),
                     Param::array(FLOAT8ARRAYOID, delays), Param::array(TEXTARRAYOID, errors)});
}

double start_rereads(const std::vector<RereadInterval>& intervals) {
  std::vector<std::string> provider_ids;
  std::vector<std::string> seconds;
  for (const RereadInterval& interval : intervals) {
    provider_ids.push_back(interval.provider_id);
    seconds.push_back(std::to_string(interval.seconds));
  }
  // The first one comes an interval after the provider was first seen: there is nothing to read again before.
  static Statement statement(
      R"sql(
      WITH i AS MATERIALIZED (
        SELECT c.ctid AS place, v.provider_id, v.seconds, c.next_reread_at <= now() AS is_due,
               c.next_reread_at IS NULL OR c.next_reread_at <= now()
                 OR c.next_reread_at > now() + make_interval(secs => v.seconds) AS is_set
        FROM unnest($1::text[], $2::float8[]) AS v(provider_id, seconds)
        JOIN cmms.poll_cursor c ON c.provider_id = v.provider_id AND c.resource = 'work_order'),
      moved AS (
        UPDATE cmms.poll_cursor c SET next_reread_at = now() + make_interval(secs => i.seconds)
        FROM i WHERE c.ctid = i.place AND i.is_set
        RETURNING c.next_reread_at),
      queued AS MATERIALIZED (SELECT cmms.request_reread(i.provider_id) FROM i WHERE i.is_due)
      SELECT extract(epoch FROM least((SELECT min(s.next_reread_at) FROM moved s),
          (SELECT min(c.next_reread_at) FROM i JOIN cmms.poll_cursor c ON c.ctid = i.place WHERE NOT i.is_set))
        - now())::float8, (SELECT count(*) FROM queued))sql",
      {TEXTARRAYOID, FLOAT8ARRAYOID});
  const Rows rows =
      statement.execute({Param::array(TEXTARRAYOID, provider_ids), Param::array(FLOAT8ARRAYOID, seconds)});
  if (rows.empty() || rows.is_null(0, 0)) return 86'400;
  return std::max(rows.number(0, 0), 1.0);
}

}  // namespace cmms::pg::store
