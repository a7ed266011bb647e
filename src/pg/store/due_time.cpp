#include "pg/prelude.hpp"

#include "pg/store/due_time.hpp"

#include <string>
#include <vector>

#include "pg/boundary/spi.hpp"
#include "pg/store/record_table.hpp"

namespace cmms::pg::store {
namespace {

// Only the part of each index that lies in the future is read.
constexpr const char* outbox_sql = R"sql(
    UPDATE cmms.outbox o
    SET next_attempt_at = CASE WHEN q.is_late THEN now()
                               ELSE greatest(now(), o.next_attempt_at - make_interval(secs => $1)) END
    FROM cmms.provider p
    CROSS JOIN unnest($3::text[]) AS r(resource)
    CROSS JOIN LATERAL (
      SELECT x.ctid AS place, l.is_late FROM cmms.outbox x
      CROSS JOIN LATERAL (
        SELECT x.attempted_at IS NULL OR x.next_attempt_at > now() + make_interval(secs => $2) AS is_late) AS l
      WHERE x.provider_id = p.provider_id AND x.resource = r.resource AND x.state IN ('pending', 'in_doubt')
        AND x.next_attempt_at > now() AND x.next_attempt_at < 'infinity' AND (l.is_late OR $1 > 0)
      FOR UPDATE OF x SKIP LOCKED) AS q
    WHERE o.ctid = q.place)sql";

constexpr const char* poll_sql = R"sql(
    UPDATE cmms.poll_cursor c
    SET next_poll_at = CASE WHEN q.is_late THEN now()
                            ELSE greatest(now(), c.next_poll_at - make_interval(secs => $1)) END
    FROM cmms.provider p
    CROSS JOIN LATERAL (
      SELECT x.ctid AS place, l.is_late FROM cmms.poll_cursor x
      CROSS JOIN LATERAL (
        SELECT x.next_poll_at > now() + greatest(p.poll_interval, make_interval(secs => $2)) AS is_late) AS l
      WHERE x.provider_id = p.provider_id AND x.next_poll_at > now() AND x.next_poll_at < 'infinity'
        AND (l.is_late OR $1 > 0)
      FOR UPDATE OF x SKIP LOCKED) AS q
    WHERE c.ctid = q.place)sql";

constexpr const char* read_back_sql = R"sql(
    UPDATE cmms.read_back b
    SET next_attempt_at = CASE WHEN q.is_late THEN now()
                               ELSE greatest(now(), b.next_attempt_at - make_interval(secs => $1)) END
    FROM cmms.provider p
    CROSS JOIN LATERAL (
      SELECT x.ctid AS place, l.is_late FROM cmms.read_back x
      CROSS JOIN LATERAL (SELECT x.attempts = 0 OR x.next_attempt_at > now() + make_interval(secs => $2) AS is_late) AS l
      WHERE x.provider_id = p.provider_id AND x.next_attempt_at > now() AND x.next_attempt_at < 'infinity'
        AND (l.is_late OR $1 > 0)
      FOR UPDATE OF x SKIP LOCKED) AS q
    WHERE b.ctid = q.place)sql";

}  // namespace

std::size_t pull_in_due_times(double setback, double longest_delay) {
  std::vector<std::string> resources;
  for (const RecordTable& table : record_tables) resources.emplace_back(table.resource);
  const Param seconds_back = Param::datum(FLOAT8OID, Float8GetDatum(setback));
  const Param longest = Param::datum(FLOAT8OID, Float8GetDatum(longest_delay));
  static Statement outbox(outbox_sql, {FLOAT8OID, FLOAT8OID, TEXTARRAYOID});
  static Statement polls(poll_sql, {FLOAT8OID, FLOAT8OID});
  static Statement read_backs(read_back_sql, {FLOAT8OID, FLOAT8OID});
  std::size_t count = outbox.execute({seconds_back, longest, Param::array(TEXTARRAYOID, resources)}).size();
  count += polls.execute({seconds_back, longest}).size();
  return count + read_backs.execute({seconds_back, longest}).size();
}

}  // namespace cmms::pg::store
