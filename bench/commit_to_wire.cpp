// Commits work orders one at a time and notes when each COMMIT was sent, to be joined with the sink's arrival
// times. usage: bench_commit_to_wire CONNINFO PROVIDER COUNT INTERVAL_MS   (prints "<microseconds since 1970>
// <title>")
#include <libpq-fe.h>
#include <time.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace {

long microseconds_now() {
  using namespace std::chrono;
  return duration_cast<microseconds>(system_clock::now().time_since_epoch()).count();
}

bool run(PGconn* connection, const char* sql) {
  PGresult* result = PQexec(connection, sql);
  const ExecStatusType status = PQresultStatus(result);
  const bool ok = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
  if (!ok) std::fprintf(stderr, "%s", PQerrorMessage(connection));
  PQclear(result);
  return ok;
}

// A pace, not a wait for a condition: the trickle is part of what is measured.
void pace(long milliseconds) {
  const timespec interval{milliseconds / 1000, (milliseconds % 1000) * 1'000'000L};
  nanosleep(&interval, nullptr);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: %s CONNINFO PROVIDER COUNT INTERVAL_MS\n", argv[0]);
    return 2;
  }
  PGconn* connection = PQconnectdb(argv[1]);
  if (PQstatus(connection) != CONNECTION_OK) {
    std::fprintf(stderr, "%s", PQerrorMessage(connection));
    return 1;
  }
  const long count = std::atol(argv[3]);
  bool ok = true;
  for (long i = 0; ok && i < count; ++i) {
    const std::string title = "probe-" + std::string(argv[4]) + "-" + std::to_string(i);
    const std::string insert = "INSERT INTO cmms.work_order (provider_id, title) VALUES ('" +
                               std::string(argv[2]) + "', '" + title + "')";
    ok = run(connection, "BEGIN") && run(connection, insert.c_str());
    const long sent_at = microseconds_now();
    ok = ok && run(connection, "COMMIT");
    std::printf("%ld %s\n", sent_at, title.c_str());
    pace(std::atol(argv[4]));
  }
  PQfinish(connection);
  return ok ? 0 : 1;
}
