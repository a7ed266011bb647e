// cmms.test_connection: is the provider there, does it know us, what may we do, how fast is it?
#include "pg/prelude.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/exchange/redact.hpp"
#include "core/job/probe.hpp"
#include "core/provider/session_exchange.hpp"
#include "http/transport.hpp"
#include "pg/boundary/guard.hpp"
#include "pg/boundary/result_set.hpp"
#include "pg/catalog/connection_cache.hpp"
#include "pg/catalog/owner_scope.hpp"
#include "pg/functions/arguments.hpp"
#include "pg/guc/guc.hpp"

namespace cmms::pg {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds longest_timeout{10 * 60 * 1000};

// The epoll descriptor and a socket, counted where PostgreSQL counts the files it may still open.
class DescriptorReservation {
 public:
  DescriptorReservation() {
    pg_call([] {
      ReserveExternalFD();
      ReserveExternalFD();
    });
  }
  ~DescriptorReservation() {
    ReleaseExternalFD();
    ReleaseExternalFD();
  }
  DescriptorReservation(const DescriptorReservation&) = delete;
  DescriptorReservation& operator=(const DescriptorReservation&) = delete;
};

// Waits for the transport without missing a cancel or a shutdown.
void wait_for(http::Transport& transport, Clock::time_point deadline) {
  milliseconds patience =
      std::max(std::chrono::duration_cast<milliseconds>(deadline - Clock::now()), milliseconds(0));
  if (const auto timeout = transport.timeout()) patience = std::min(patience, *timeout);
  const int descriptor = transport.poll_fd();
  const long wait_time = patience.count();
  pg_call([&] {
    WaitLatchOrSocket(MyLatch, WL_LATCH_SET | WL_SOCKET_READABLE | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
                      descriptor, wait_time, PG_WAIT_EXTENSION);
    ResetLatch(MyLatch);
    CHECK_FOR_INTERRUPTS();
  });
  transport.drive();
}

// One exchange, ended by the deadline at the latest.
Outcome exchange(http::Transport& transport, Request request, Clock::time_point deadline) {
  const auto left = std::chrono::duration_cast<milliseconds>(deadline - Clock::now());
  request.timeout = std::clamp(left, milliseconds(1), request.timeout);
  request.connect_timeout = std::min(request.connect_timeout, request.timeout);
  request.max_response_bytes = guc::max_response_bytes();
  transport.submit(std::move(request));
  transport.drive();
  for (;;) {
    std::vector<http::Finished> finished = transport.take_finished();
    if (!finished.empty()) return std::move(finished.front().outcome);
    // A little later than the request's own time-out, which says more precisely what was waited for.
    if (Clock::now() > deadline + milliseconds(200)) {
      Outcome outcome;
      outcome.delivery = Delivery::unknown;
      outcome.error = "no answer in time";
      return outcome;
    }
    wait_for(transport, deadline + milliseconds(250));
  }
}

// A request of the probe, after what its session has to be asked for.
Outcome exchange_in_session(http::Transport& transport,
                            const std::shared_ptr<const provider::Connection>& connection, Request request,
                            Clock::time_point deadline) {
  provider::SessionExchange session(connection, std::move(request));
  for (;;) {
    Outcome outcome = exchange(transport, session.next(std::chrono::system_clock::now()), deadline);
    std::optional<Outcome> result = session.on_outcome(std::move(outcome), std::chrono::system_clock::now());
    if (result) return *std::move(result);
  }
}

void run(job::ProbeJob& probe, const std::shared_ptr<const provider::Connection>& connection,
         milliseconds timeout) {
  const DescriptorReservation reservation;
  http::Transport transport(http::Limits{.max_connections = 1});
  if (transport.failure()) raise(*transport.failure());
  const Clock::time_point deadline = Clock::now() + timeout;
  job::Step step = probe.start();
  for (;;) {
    if (auto* request = std::get_if<Request>(&step)) {
      step = probe.on_outcome(exchange_in_session(transport, connection, std::move(*request), deadline));
    } else if (std::holds_alternative<job::Page>(step)) {
      step = probe.on_recorded();
    } else {
      return;
    }
  }
}

struct Findings {
  bool reachable = false;
  std::optional<bool> authenticated;  // unknown while the provider cannot be reached
  std::vector<std::string> permissions;
  std::optional<std::string> latency;  // of the first exchange, in ms
  std::string detail;
};

std::string milliseconds_text(std::chrono::microseconds duration) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.1f", static_cast<double>(duration.count()) / 1000.0);
  return text;
}

Findings read_findings(const job::ProbeJob& probe) {
  Findings findings;
  std::vector<std::string> said;
  for (const job::ProbeResult& result : probe.results()) {
    if (result.check == "reach the provider") {
      findings.reachable = result.ok;
      if (result.ok) findings.latency = milliseconds_text(result.duration);
    } else if (result.check == "authenticate") {
      findings.authenticated = result.ok;
    } else if (result.ok) {
      findings.permissions.push_back(result.check);
    }
    if (!result.error) continue;
    std::string text = result.error->message;
    if (!result.error->detail.empty()) text += ": " + result.error->detail;
    // One refusal usually shows in several checks.
    if (std::find(said.begin(), said.end(), text) != said.end()) continue;
    if (!findings.detail.empty()) findings.detail += "; ";
    findings.detail += text;
    said.push_back(std::move(text));
  }
  return findings;
}

Param integer_or_null(const std::optional<std::int64_t>& value) {
  if (!value) return Param::null(INT4OID);
  return Param(static_cast<std::int32_t>(std::clamp<std::int64_t>(*value, INT32_MIN, INT32_MAX)));
}

Param time_or_null(const std::optional<SystemTime>& time) {
  if (!time) return Param::null(TIMESTAMPTZOID);
  const auto since_1970 =
      std::chrono::duration_cast<std::chrono::microseconds>(time->time_since_epoch()).count();
  constexpr std::int64_t epoch_difference =
      std::int64_t{POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE} * SECS_PER_DAY * USECS_PER_SEC;
  return Param::datum(TIMESTAMPTZOID, TimestampTzGetDatum(since_1970 - epoch_difference));
}

Datum test_connection(FunctionCallInfo fcinfo) {
  const std::string provider_id(text_argument(fcinfo, 0));
  const milliseconds timeout = std::min(interval_argument(fcinfo, 1), longest_timeout);
  if (timeout <= milliseconds(0)) raise(ERRCODE_INVALID_PARAMETER_VALUE, "timeout must be positive");
  const OwnerScope scope(fcinfo->flinfo->fn_oid);
  scope.require_server_owner(require_server(provider_id), provider_id);
  const auto provider = connection(provider_id);
  Result<std::unique_ptr<job::ProbeJob>> made = job::make_probe(provider);
  if (!made) raise(made.error());
  const std::unique_ptr<job::ProbeJob> probe = std::move(made).value();
  run(*probe, provider, timeout);

  const Findings findings = read_findings(*probe);
  const rate_limit::Observation& limits = probe->limits();
  ResultSet result(fcinfo);
  result.add({provider_id, findings.reachable,
              findings.authenticated ? Param(*findings.authenticated) : Param::null(BOOLOID),
              Param::array(TEXTARRAYOID, findings.permissions), integer_or_null(limits.limit),
              integer_or_null(limits.remaining), time_or_null(limits.reset_at),
              Param::typed(NUMERICOID, findings.latency),
              Param::lossy_text(redact(findings.detail, provider->secrets()))});
  return result.done();
}

}  // namespace
}  // namespace cmms::pg

CMMS_FUNCTION(cmms_test_connection) { return cmms::pg::test_connection(fcinfo); }
