// Errors trapped by in_transaction(), in a background worker as that is where it is used.
#include "failures.hpp"

#include <cstring>

#include "pg/boundary/spi.hpp"

namespace cmms::pg {

extern "C" {
PGDLLEXPORT void boundary_worker_main(Datum database);
}

namespace {

void record(std::string_view kind, int times, const std::string& outcome) {
  const auto error = in_transaction([&] {
    const Spi spi;
    static Statement statement(
        "INSERT INTO boundary.worker_report (kind, times, outcome) VALUES ($1, $2, $3)",
        {TEXTOID, INT4OID, TEXTOID});
    statement.execute({kind, times, outcome});
  });
  if (error) log(LOG, *error);
}

// Each transaction also writes a row, which must not survive.
std::string repeat(const boundary::Failure& failure, int times) {
  constexpr int warm_up = 100;
  std::optional<boundary::LeftBehind> before;
  std::string first;
  for (int i = 0; i < warm_up + times; ++i) {
    if (i == warm_up) before.emplace();
    const auto error = in_transaction([&] {
      {
        const Spi spi;
        static Statement statement("INSERT INTO boundary.worker_report (kind) VALUES ('not rolled back')",
                                   {});
        statement.execute();
      }
      failure.run();
    });
    if (!error) return "no error";
    const std::string now = error->sqlstate() + " " + error->message;
    if (first.empty()) first = now;
    if (now != first) return "first " + first + ", then " + now;
    if (IsTransactionState()) return "the transaction is still open";
  }
  return first + "; left behind: " + before->describe();
}

void run(int times) {
  for (const auto& failure : boundary::failures()) record(failure.kind, times, repeat(failure, times));
}

}  // namespace

void boundary_worker_main(Datum argument) {
  enter([&] {
    pg_call([] { pqsignal(SIGTERM, die); });
    pg_call([] { BackgroundWorkerUnblockSignals(); });
    Oid database = InvalidOid;
    std::memcpy(&database, MyBgworkerEntry->bgw_extra, sizeof(database));
    pg_call([&] { BackgroundWorkerInitializeConnectionByOid(database, InvalidOid, 0); });
    run(DatumGetInt32(argument));
  });
}

CMMS_FUNCTION(boundary_fail_in_transactions) {
  BackgroundWorker worker{};
  worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
  worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
  worker.bgw_restart_time = BGW_NEVER_RESTART;
  worker.bgw_notify_pid = MyProcPid;
  worker.bgw_main_arg = PG_GETARG_DATUM(0);
  std::strcpy(worker.bgw_library_name, "cmms_boundary");
  std::strcpy(worker.bgw_function_name, "boundary_worker_main");
  std::strcpy(worker.bgw_name, "boundary test");
  std::strcpy(worker.bgw_type, "boundary test");
  std::memcpy(worker.bgw_extra, &MyDatabaseId, sizeof(MyDatabaseId));
  pg_call([&] {
    BackgroundWorkerHandle* handle = nullptr;
    if (!RegisterDynamicBackgroundWorker(&worker, &handle)) elog(ERROR, "no background worker is free");
    if (WaitForBackgroundWorkerShutdown(handle) != BGWH_STOPPED) elog(ERROR, "the postmaster died");
  });
  PG_RETURN_VOID();
}

}  // namespace cmms::pg
