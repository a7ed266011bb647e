#include "failures.hpp"

#include <array>
#include <exception>
#include <fstream>
#include <new>
#include <stdexcept>

#include "core/sqlstate.hpp"
#include "pg/boundary/result_set.hpp"
#include "pg/boundary/spi.hpp"
#include "pg/boundary/versions.hpp"

extern "C" {
CMMS_MODULE_MAGIC("cmms_boundary", "1.0");
}

namespace boundary {

using namespace cmms::pg;

std::int64_t Holder::live_ = 0;

namespace {

constexpr const char* kept_detail = "The detail is kept.";
constexpr const char* kept_hint = "The hint is kept.";

void throw_exception() {
  const Holder holder;
  throw std::runtime_error("a C++ error");
}

void throw_bad_alloc() {
  const Holder holder;
  throw std::bad_alloc();
}

void throw_number() {
  const Holder holder;
  throw 42;
}

void throw_report() {
  const Holder holder;
  raise(cmms::sqlstate::unmapped_value, "value \"Weird\" has no mapping", kept_detail, kept_hint);
}

void report_in_backend() {
  ereport(ERROR, (errcode(ERRCODE_CHECK_VIOLATION), errmsg("a backend error"), errdetail("%s", kept_detail),
                  errhint("%s", kept_hint)));
}

void backend_error() {
  const Holder holder;
  const std::string text(500, 'y');
  pg_call([&] {
    if (!text.empty()) report_in_backend();
  });
}

void nested_backend_error() {
  const Holder outer;
  try {
    const Holder inner;
    backend_error();
  } catch (const ReportError&) {
    throw std::logic_error("taken for an error of ours");
  } catch (const std::exception&) {
    throw std::logic_error("taken for a C++ error");
  }
}

void error_rethrown_as_value() {
  std::optional<CapturedError> error;
  try {
    backend_error();
  } catch (const PgError& caught) {
    error = caught.error();
  }
  const Holder holder;
  raise(*error);
}

void guarded_function() {
  const Holder holder;
  pg_call([] { enter([] { backend_error(); }); });
}

void exception_through_pg_call() {
  const Holder holder;
  pg_call([] { throw_exception(); });
}

void sql_error() {
  const Holder holder;
  const Spi spi;
  static Statement statement("SELECT 1 / (pg_catalog.pg_backend_pid() - pg_catalog.pg_backend_pid())", {});
  const Rows rows = statement.execute();
}

void sql_error_below_sql() {
  const Holder holder;
  const Spi spi;
  static Statement statement("SELECT boundary.fail($1)", {TEXTOID});
  const Rows rows = statement.execute({"sql error"});
}

void report_in_spi_scope() {
  const Spi spi;
  static Statement statement("SELECT 1", {});
  const Rows rows = statement.execute();
  throw_report();
}

void error_in_plpgsql() {
  const Holder holder;
  const Spi spi;
  static Statement statement("DO $$ BEGIN PERFORM boundary.fail('backend error'); END $$", {});
  const Rows rows = statement.execute();
}

void cancel() {
  const Holder holder;
  QueryCancelPending = 1;
  InterruptPending = 1;
  check_for_interrupts();
}

void swallow() {
  try {
    backend_error();
  } catch (const PgError&) {
    // What must not be done: nothing was rolled back.
  }
}

constexpr std::array<Failure, 15> all_failures = {{
    {"exception", throw_exception},
    {"bad_alloc", throw_bad_alloc},
    {"number", throw_number},
    {"report", throw_report},
    {"backend error", backend_error},
    {"nested backend error", nested_backend_error},
    {"error rethrown as value", error_rethrown_as_value},
    {"guarded function", guarded_function},
    {"exception through pg_call", exception_through_pg_call},
    {"sql error", sql_error},
    {"sql error below sql", sql_error_below_sql},
    {"report in spi scope", report_in_spi_scope},
    {"error in plpgsql", error_in_plpgsql},
    {"cancel", cancel},
    {"swallow", swallow},
}};

}  // namespace

std::span<const Failure> failures() { return all_failures; }

void fail(std::string_view kind) {
  for (const Failure& failure : all_failures) {
    if (failure.kind == kind) return failure.run();
  }
  raise(ERRCODE_INVALID_PARAMETER_VALUE, "there is no failure \"" + std::string(kind) + "\"");
}

// Memory of the process's own: shared buffers count towards the resident size as they are touched.
std::int64_t resident_kilobytes() {
  std::ifstream status("/proc/self/status");
  std::string name;
  std::int64_t kilobytes = 0;
  while (status >> name && name != "RssAnon:") {
  }
  status >> kilobytes;
  return kilobytes;
}

std::int64_t context_kilobytes() {
  return static_cast<std::int64_t>(MemoryContextMemAllocated(TopMemoryContext, true) / 1024);
}

LeftBehind::LeftBehind()
    : resident_(resident_kilobytes()),
      contexts_(context_kilobytes()),
      exception_stack_(PG_exception_stack),
      context_stack_(error_context_stack),
      current_(CurrentMemoryContext),
      owner_(CurrentResourceOwner) {}

std::string LeftBehind::describe() const {
  std::string left;
  auto add = [&left](const std::string& what) { left += (left.empty() ? "" : ", ") + what; };
  const std::int64_t contexts = context_kilobytes() - contexts_;
  const std::int64_t resident = resident_kilobytes() - resident_;
  if (Holder::live() != 0) add(std::to_string(Holder::live()) + " objects");
  if (contexts > 512) add(std::to_string(contexts) + " kB in memory contexts");
  if (resident > 1024) add(std::to_string(resident) + " kB of memory");
  if (PG_exception_stack != exception_stack_) add("another exception stack");
  if (error_context_stack != context_stack_) add("another error context stack");
  if (CurrentMemoryContext != current_) add("another memory context");
  if (CurrentResourceOwner != owner_) add("another resource owner");
  return left.empty() ? "nothing" : left;
}

}  // namespace boundary

CMMS_FUNCTION(boundary_fail) {
  const text* kind = PG_GETARG_TEXT_PP(0);
  boundary::fail({VARDATA_ANY(kind), static_cast<std::size_t>(VARSIZE_ANY_EXHDR(kind))});
  PG_RETURN_VOID();
}

CMMS_FUNCTION(boundary_kinds) {
  cmms::pg::ResultSet result(fcinfo);
  for (const auto& failure : boundary::failures()) result.add({failure.kind});
  return result.done();
}

CMMS_FUNCTION(boundary_live_objects) { PG_RETURN_INT64(boundary::Holder::live()); }
CMMS_FUNCTION(boundary_resident_kilobytes) { PG_RETURN_INT64(boundary::resident_kilobytes()); }
CMMS_FUNCTION(boundary_context_kilobytes) { PG_RETURN_INT64(boundary::context_kilobytes()); }
CMMS_FUNCTION(boundary_exception_stack) {
  PG_RETURN_INT64(reinterpret_cast<std::int64_t>(PG_exception_stack));
}
