#include "pg/worker/session.hpp"

#include <utility>

#include "core/sqlstate.hpp"
#include "pg/catalog/installed_extension.hpp"
#include "pg/guc/guc.hpp"

extern "C" {
#include "catalog/pg_database.h"
#include "catalog/pg_extension.h"
#include "postmaster/interrupt.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
}

namespace cmms::pg {
namespace {

std::uint64_t provider_table_generation = 1;
Oid provider_table = InvalidOid;
Oid armed_table = InvalidOid;

// Invalid when somebody has renamed the schema, or taken it apart.
Oid find_table(const char* name) {
  const Oid schema = get_namespace_oid("cmms", true);
  return OidIsValid(schema) ? get_relname_relid(name, schema) : InvalidOid;
}

void on_relation_change(Datum /*argument*/, Oid relation) {
  if (relation == InvalidOid || relation == provider_table || relation == armed_table)
    ++provider_table_generation;
}

ServedDatabase& entry_of(const WorkerTicket& ticket) { return shared_state()->entries[ticket.entry]; }

WorkerTicket attached_ticket;

// Runs whatever ends the process; an end that nobody announced counts as a failure.
void detach(int /*code*/, Datum /*argument*/) {
  SharedStateLock lock(LW_EXCLUSIVE);
  ServedDatabase& entry = entry_of(attached_ticket);
  if (entry.ticket != attached_ticket.ticket) return;
  entry.state = WorkerState::exited;
  entry.process_number = -1;
  wake_process(shared_state()->launcher_process_number);
}

void set_option(const char* name, const char* value) {
  SetConfigOption(name, value, PGC_SUSET, PGC_S_OVERRIDE);
}

// An attempt must be on disk before its request leaves, whatever is set for the database.
void keep_commits_durable() {
  if (synchronous_commit == SYNCHRONOUS_COMMIT_OFF) set_option("synchronous_commit", "local");
}

void configure_session() {
  set_option("application_name", "pg_cmms worker");
  set_option("search_path", "pg_catalog, pg_temp");
  set_option("timezone", "UTC");
  set_option("datestyle", "ISO, MDY");
  set_option("intervalstyle", "postgres");
  set_option("jit", "off");
  set_option("statement_timeout", "0");
  set_option("idle_in_transaction_session_timeout", "0");
  // Nobody's lock may keep the worker from the other records.
  set_option("lock_timeout", "2s");
  // All statements reach rows by key. Plans are made once, often while the tables are empty, and must stay
  // right when 100,000 rows wait.
  set_option("plan_cache_mode", "force_generic_plan");
  set_option("enable_seqscan", "off");
  set_option("enable_bitmapscan", "off");
  set_option("enable_hashjoin", "off");
  set_option("enable_mergejoin", "off");
  set_option("enable_memoize", "off");
  keep_commits_durable();
}

}  // namespace

bool Session::attach() {
  before_shmem_exit(detach, 0);
  attached_ticket = ticket_;
  SharedStateLock lock(LW_EXCLUSIVE);
  ServedDatabase& entry = entry_of(ticket_);
  if (entry.ticket != ticket_.ticket || entry.state != WorkerState::starting) {
    attached_ticket.ticket = 0;
    return false;
  }
  entry.process_number = own_process_number();
  return true;
}

bool Session::begin() {
  pg_call([] {
    pqsignal(SIGHUP, SignalHandlerForConfigReload);
    pqsignal(SIGTERM, die);
    BackgroundWorkerUnblockSignals();
  });
  if (!attach()) return false;
  pg_call([&] {
    BackgroundWorkerInitializeConnectionByOid(ticket_.database, InvalidOid, 0);
    configure_session();
    CacheRegisterRelcacheCallback(on_relation_change, Datum{0});
  });
  const auto error = in_transaction([&] {
    const InstalledExtension installed = installed_extension();
    extension_ = installed.oid;
    version_ = installed.version;
    pg_call([&] {
      provider_table = find_table("provider");
      armed_table = find_table("armed_database");
    });
  });
  if (error) raise(*error);
  if (!OidIsValid(extension_)) {
    leave_ = ExitReason::no_extension;
    return true;
  }
  SharedStateLock lock(LW_EXCLUSIVE);
  entry_of(ticket_).state = WorkerState::running;
  wake_process(shared_state()->launcher_process_number);
  return true;
}

// DROP EXTENSION locks the extension before its tables, and so does every transaction here: one waits for the
// other instead of both for each other.
void Session::require_extension() {
  pg_call([&] { LockDatabaseObject(ExtensionRelationId, extension_, 0, AccessShareLock); });
  const InstalledExtension installed = installed_extension();
  const Oid table = pg_call([] { return find_table("provider"); });
  if (installed.oid == extension_ && installed.version == version_ && table == provider_table) return;
  leave_ = OidIsValid(installed.oid) ? ExitReason::reinstalled : ExitReason::no_extension;
  raise(sqlstate::not_available, "pg_cmms was updated in this database, or dropped");
}

bool Session::knows_schema() const { return OidIsValid(provider_table) && is_supported_version(version_); }

void Session::report_unknown_schema() const {
  if (!OidIsValid(provider_table)) {
    log(WARNING, "pg_cmms does nothing in this database: its schema cmms, or a table in it, is missing", {},
        "Give the schema its name back, or drop the extension and create it again.");
    return;
  }
  log(WARNING,
      "pg_cmms does nothing in this database: version " + version_ +
          " of its schema is not known to this library, which is of version " + library_version(),
      {},
      "Run ALTER EXTENSION pg_cmms UPDATE, or install the library of that version and restart the server.");
}

void Session::report_older_schema() const {
  if (version_ == library_version()) return;
  log(LOG,
      "pg_cmms serves this database with version " + version_ + " of its schema; its library is of version " +
          library_version(),
      {}, "Run ALTER EXTENSION pg_cmms UPDATE.");
}

void Session::wait_for_another_schema() {
  report_unknown_schema();
  constexpr long make_way_milliseconds = 1000;
  TimestampTz check_at = GetCurrentTimestamp() + guc::fallback_poll_interval().count() * 1000;
  pgstat_report_activity(STATE_IDLE, "waiting for a schema that this library knows");
  while (!leave_) {
    pg_call([] {
      WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, make_way_milliseconds,
                PG_WAIT_EXTENSION);
      ResetLatch(MyLatch);
    });
    check_for_interrupts_between_transactions();
    if (std::exchange(ConfigReloadPending, false)) reload();
    if (take_wakes(wake_for_everything) != 0 || GetCurrentTimestamp() >= check_at) {
      check();
      check_at = GetCurrentTimestamp() + guc::fallback_poll_interval().count() * 1000;
    }
    if (!leave_) make_way_if_asked();
  }
}

void Session::check() {
  if (!is_checked_) {
    const auto error = transaction("checking", [] {});
    if (error && !leave_) log(WARNING, *error);
  }
  is_checked_ = false;
}

void Session::end() {
  {
    SharedStateLock lock(LW_EXCLUSIVE);
    ServedDatabase& entry = entry_of(ticket_);
    if (entry.ticket == ticket_.ticket) entry.exit_reason = leave_.value_or(ExitReason::failed);
  }
  // Never restarted by the postmaster, so 0 only says that there is nothing to report in the log.
  proc_exit(0);
}

void Session::reload() {
  pg_call([] {
    ProcessConfigFile(PGC_SIGHUP);
    keep_commits_durable();
  });
}

bool Session::has_wakes(WakeReasons wanted_queues) const {
  return (pg_atomic_read_u32(&entry_of(ticket_).wakes) & (wake_for_rest | wanted_queues)) != 0;
}

WakeReasons Session::take_wakes(WakeReasons wanted_queues) {
  if (!has_wakes(wanted_queues)) return 0;
  is_checked_ = false;  // what was heard before need not be all that the wake is about
  const WakeReasons wanted = wake_for_rest | wanted_queues;
  return pg_atomic_fetch_and_u32(&entry_of(ticket_).wakes, ~wanted) & wanted;
}

void Session::become_healthy() {
  SharedStateLock lock(LW_EXCLUSIVE);
  entry_of(ticket_).healthy = true;
}

// Commands that need the database to themselves lock its entry first, then wait five seconds for its sessions
// to leave.
void Session::make_way_if_asked() {
  const bool is_free = pg_call([] {
    LOCKTAG tag;
    SET_LOCKTAG_OBJECT(tag, InvalidOid, DatabaseRelationId, MyDatabaseId, 0);
    if (LockAcquire(&tag, RowExclusiveLock, true, true) == LOCKACQUIRE_NOT_AVAIL) return false;
    LockRelease(&tag, RowExclusiveLock, true);
    return true;
  });
  if (!is_free) leave_ = ExitReason::making_way;
}

std::uint64_t Session::provider_generation() { return provider_table_generation; }

}  // namespace cmms::pg
