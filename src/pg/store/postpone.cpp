#include "pg/prelude.hpp"

#include "pg/store/postpone.hpp"

#include "pg/boundary/spi.hpp"

namespace cmms::pg::store {

void postpone(const Settlement& settlement) {
  static Statement statement(
      R"sql(
      UPDATE cmms.outbox o
      SET state = $4, next_attempt_at = coalesce(now() + make_interval(secs => $5), 'infinity'),
          in_doubt_since = CASE WHEN $4 = 'in_doubt' THEN coalesce(o.in_doubt_since, now()) END,
          accepted_at = CASE WHEN $6 THEN now() ELSE o.accepted_at END,
          claimed_at = NULL, last_error = $7, last_error_class = $8
      WHERE o.tenant_id = $1 AND o.resource = $2 AND o.record_id = $3 AND o.state = 'in_flight')sql",
      {TEXTOID, TEXTOID, UUIDOID, TEXTOID, FLOAT8OID, BOOLOID, TEXTOID, TEXTOID});
  const bool is_pending = settlement.state == Settlement::State::pending;
  std::optional<std::string> delay;
  if (settlement.state != Settlement::State::removed && settlement.delay_seconds) {
    delay = std::to_string(*settlement.delay_seconds);
  }
  statement.execute({settlement.key.tenant_id, settlement.key.resource, Param::uuid(settlement.key.record_id),
                     is_pending ? "pending" : "in_doubt", Param::typed(FLOAT8OID, delay),
                     settlement.is_accepted, settlement.error, settlement.error_class});
}

}  // namespace cmms::pg::store
