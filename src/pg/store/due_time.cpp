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

// Of a small table with one row for each thing that is to be asked for.
std::string reading_sql(const std::string& table, const std::string& due_at, const std::string& is_late) {
  return "UPDATE " + table + " t SET " + due_at +
         " = CASE WHEN q.is_late THEN now() ELSE greatest(now(), t." + due_at +
         " - make_interval(secs => $1)) END FROM cmms.provider p CROSS JOIN LATERAL ("
         "SELECT x.ctid AS place, l.is_late FROM " +
         table + " x CROSS JOIN LATERAL (SELECT " + is_late +
         " AS is_late) AS l WHERE x.provider_id = p.provider_id AND x." + due_at + " > now() AND x." +
         due_at +
         " < 'infinity' AND (l.is_late OR $1 > 0) FOR UPDATE OF x SKIP LOCKED) AS q WHERE t.ctid = q.place";
}

}  // namespace

std::size_t pull_in_due_times(double setback, double longest_delay) {
  std::vector<std::string> resources;
  for (const RecordTable& table : record_tables) resources.emplace_back(table.resource);
  const Param seconds_back = Param::datum(FLOAT8OID, Float8GetDatum(setback));
  const Param longest = Param::datum(FLOAT8OID, Float8GetDatum(longest_delay));
  static Statement outbox(outbox_sql, {FLOAT8OID, FLOAT8OID, TEXTARRAYOID});
  static const std::string poll_sql =
      reading_sql("cmms.poll_cursor", "next_poll_at",
                  "x.next_poll_at > now() + greatest(p.poll_interval, make_interval(secs => $2))");
  static const std::string read_back_sql =
      reading_sql("cmms.read_back", "next_attempt_at",
                  "x.attempts = 0 OR x.next_attempt_at > now() + make_interval(secs => $2)");
  static Statement polls(poll_sql.c_str(), {FLOAT8OID, FLOAT8OID});
  static Statement read_backs(read_back_sql.c_str(), {FLOAT8OID, FLOAT8OID});
  std::size_t count = outbox.execute({seconds_back, longest, Param::array(TEXTARRAYOID, resources)}).size();
  count += polls.execute({seconds_back, longest}).size();
  return count + read_backs.execute({seconds_back, longest}).size();
}

}  // namespace cmms::pg::store
