// cmms.wake_worker and cmms.wait_until_idle: what applications and triggers say to the sync worker.
#include "pg/prelude.hpp"

#include <algorithm>
#include <chrono>

#include "core/sqlstate.hpp"
#include "pg/boundary/guard.hpp"
#include "pg/boundary/spi.hpp"
#include "pg/catalog/owner_scope.hpp"
#include "pg/store/provider.hpp"
#include "pg/worker/wake.hpp"

namespace cmms::pg {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds check_interval{10};

milliseconds milliseconds_of(Datum interval) {
  static Statement statement("SELECT least(extract(epoch FROM $1) * 1000, 1e12)::float8", {INTERVALOID});
  const Spi spi;
  const Rows rows = statement.execute({Param::datum(INTERVALOID, interval)});
  return milliseconds(static_cast<std::int64_t>(std::max(rows.number(0, 0), 0.0)));
}

// Each call has a snapshot of its own. What waits for a person, or for a provider that is switched off,
// paused or gone, is not work. The newest row is looked for: at the old end lie the remains of all that is
// done, as long as this transaction lasts.
bool there_is_work() {
  static Statement statement(
      R"sql(
      SELECT EXISTS (SELECT FROM cmms.provider p JOIN pg_catalog.pg_foreign_server s ON s.srvname = p.provider_id
                     CROSS JOIN unnest(ARRAY['work_order', 'part', 'asset']) AS r(resource)
                     CROSS JOIN LATERAL (
                       SELECT FROM cmms.outbox o
                       WHERE o.provider_id = p.provider_id AND o.resource = r.resource AND o.state IN ('pending', 'in_doubt')
                         AND o.next_attempt_at < 'infinity' AND o.accepted_at IS NULL
                       ORDER BY o.next_attempt_at DESC, o.outbox_id DESC LIMIT 1) AS q
                     WHERE p.active AND p.paused_at IS NULL AND p.mode <> 'read')
          OR EXISTS (SELECT FROM (SELECT FROM cmms.outbox o WHERE o.state = 'in_flight'
                                  ORDER BY o.claimed_at DESC LIMIT 1) AS q)
          OR EXISTS (SELECT FROM cmms.provider p JOIN pg_catalog.pg_foreign_server s ON s.srvname = p.provider_id
                     JOIN cmms.poll_cursor c ON c.provider_id = p.provider_id
                     WHERE p.active AND p.paused_at IS NULL
                       AND (c.poll_requested_at IS NOT NULL OR c.next_poll_at <= clock_timestamp()))
          OR EXISTS (SELECT FROM cmms.provider p JOIN pg_catalog.pg_foreign_server s ON s.srvname = p.provider_id
                     JOIN cmms.read_back r ON r.provider_id = p.provider_id
                     WHERE p.active AND p.paused_at IS NULL))sql",
      {});
  const Spi spi;
  return statement.execute().boolean(0, 0);
}

bool is_armed() {
  const Spi spi;
  return store::is_armed();
}

void wait_a_little(milliseconds time) {
  pg_call([&] {
    WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, static_cast<long>(time.count()),
              PG_WAIT_EXTENSION);
    ResetLatch(MyLatch);
    CHECK_FOR_INTERRUPTS();
  });
}

bool wait_until_idle(milliseconds timeout) {
  const Clock::time_point deadline = Clock::now() + timeout;
  while (there_is_work()) {
    if (!workers_are_possible()) {
      raise(sqlstate::not_available, "no sync worker can run on this server",
            RecoveryInProgress() ? "The server is in recovery." : "",
            RecoveryInProgress() ? "Ask the primary server."
                                 : "Add pg_cmms to shared_preload_libraries and restart the server.");
    }
    if (!is_armed()) {
      raise(sqlstate::not_available, "this database is a copy that is not armed: nothing is sent or polled",
            {}, "Call cmms.arm() once its original does not send any more.");
    }
    const auto left = std::chrono::duration_cast<milliseconds>(deadline - Clock::now());
    if (left <= milliseconds(0)) return false;
    wait_a_little(std::min(left, check_interval));
  }
  return true;
}

}  // namespace
}  // namespace cmms::pg

CMMS_FUNCTION(cmms_wake_worker) {
  cmms::pg::wake_worker_at_commit();
  PG_RETURN_VOID();
}

CMMS_FUNCTION(cmms_wait_until_idle) {
  using namespace cmms::pg;
  if (IsolationUsesXactSnapshot()) {
    raise(ERRCODE_ACTIVE_SQL_TRANSACTION, "cmms.wait_until_idle() needs isolation level read committed",
          "The snapshot of this transaction would never show the worker's results.");
  }
  if (wake_is_pending()) {
    raise(cmms::sqlstate::unsent_changes,
          "the current transaction has changes that cannot leave before it commits", {},
          "Commit, then call cmms.wait_until_idle().");
  }
  const OwnerScope owner(fcinfo->flinfo->fn_oid);
  const milliseconds timeout = milliseconds_of(PG_GETARG_DATUM(0));
  PG_RETURN_BOOL(wait_until_idle(timeout));
}
