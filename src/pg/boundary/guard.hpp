// The boundary between C++ and PostgreSQL, and the only place that knows both exceptions and longjmp.
//
// - PostgreSQL -> C++: CMMS_FUNCTION and enter(). Whatever the body throws becomes an ereport() after every
// C++ scope is
//   closed, because an ereport() across a live C++ object leaks it and one inside a handler leaks the
//   exception.
// - C++ -> PostgreSQL: pg_call(). An ereport() of the backend becomes a PgError, which unwinds C++ properly.
// - An error that the backend raised may be dropped only by aborting the (sub)transaction it happened in:
//   in_subtransaction() and in_transaction() do that. Swallowing one in a handler instead is noticed and
//   raised.
#pragma once

#include "pg/prelude.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "core/error.hpp"

namespace cmms::pg {

namespace detail {
class BackendError;  // the whole ErrorData, owned by C++
}

// An error as a value: what the worker records and the boundary raises again.
struct CapturedError {
  int code = 0;  // packed SQLSTATE, as in MAKE_SQLSTATE
  std::string message = {};
  std::string detail = {};   // may be empty
  std::string hint = {};     // may be empty
  std::string context = {};  // may be empty
  std::shared_ptr<const detail::BackendError> original =
      nullptr;  // set for errors of the backend: nothing is lost on the way back

  std::string sqlstate() const;  // five characters
  bool is_cancellation() const;  // a query cancel or a shutdown, which must not be swallowed
};

// An error that PostgreSQL raised inside pg_call(). Not a std::exception, so that no general handler takes it
// for one.
class PgError {
 public:
  explicit PgError(CapturedError error) : error_(std::move(error)) {}
  const CapturedError& error() const { return error_; }

 private:
  CapturedError error_;
};

// An error that pg_cmms itself raises.
class ReportError {
 public:
  explicit ReportError(CapturedError error) : error_(std::move(error)) {}
  const CapturedError& error() const { return error_; }

 private:
  CapturedError error_;
};

[[noreturn]] void raise(const Error& error);
[[noreturn]] void raise(const char* sqlstate, std::string message, std::string detail = {},
                        std::string hint = {});
[[noreturn]] void raise(int code, std::string message, std::string detail = {},
                        std::string hint = {});  // ERRCODE_...
[[noreturn]] void raise(const CapturedError& error);

// Below ERROR only: LOG, WARNING, NOTICE, DEBUG1...
void log(int level, const std::string& message, const std::string& detail = {}, const std::string& hint = {});
void log(int level, const CapturedError& error);

namespace detail {

using Body = void (*)(void*);

void guarded_call(Body body, void* argument);
void enter(Body body, void* argument);
Datum enter_function(Datum (*body)(FunctionCallInfo), FunctionCallInfo fcinfo);
std::optional<CapturedError> in_subtransaction(Body body, void* argument);
std::optional<CapturedError> in_transaction(Body body, void* argument);
// Errors taken from the backend whose (sub)transaction is not aborted yet. A scope that began at another
// count must leave its clean-up to that abort.
int pending_error_count();

template <class Callable>
void invoke(void* callable) {
  (*static_cast<Callable*>(callable))();
}

}  // namespace detail

// Runs one backend call and turns its ereport() into a PgError. The lambda must not create C++ objects with
// destructors: a longjmp passes over its frame. Capture by reference.
template <class Call>
auto pg_call(Call&& call) {
  using Callable = std::remove_reference_t<Call>;
  using Value = std::invoke_result_t<Callable&>;
  static_assert(std::is_trivially_destructible_v<Callable>,
                "a longjmp would skip the destructors of what is captured");
  if constexpr (std::is_void_v<Value>) {
    detail::guarded_call(&detail::invoke<Callable>, const_cast<std::remove_const_t<Callable>*>(&call));
  } else {
    static_assert(std::is_trivially_destructible_v<Value>,
                  "a longjmp would skip the destructor of the result");
    Value value{};
    auto store = [&call, &value] { value = call(); };
    detail::guarded_call(&detail::invoke<decltype(store)>, &store);
    return value;
  }
}

// Entry for what PostgreSQL calls back (hooks, xact and cache callbacks, worker mains). An exception becomes
// an ereport() once the body's scopes are closed, so the caller's own frame must hold nothing but plain data.
template <class Body>
void enter(Body&& body) {
  using Callable = std::remove_reference_t<Body>;
  static_assert(std::is_trivially_destructible_v<Callable>,
                "the error leaves by longjmp: capture by reference");
  detail::enter(&detail::invoke<Callable>, &body);
}

// Runs the body in an internal subtransaction. Any error in it, of either kind, rolls it back and is
// returned; a query cancel or shutdown is rolled back and thrown on. C++ objects that hold backend resources
// must not outlive the body.
template <class Body>
[[nodiscard]] std::optional<CapturedError> in_subtransaction(Body&& body) {
  using Callable = std::remove_reference_t<Body>;
  return detail::in_subtransaction(&detail::invoke<Callable>, &body);
}

// Runs the body in a transaction of its own with an active snapshot (workers only, outside any transaction).
// Commits, or aborts on any error and returns it, cancels included. The body allocates in the transaction's
// memory context; the caller's context is current again afterwards.
template <class Body>
[[nodiscard]] std::optional<CapturedError> in_transaction(Body&& body) {
  using Callable = std::remove_reference_t<Body>;
  return detail::in_transaction(&detail::invoke<Callable>, &body);
}

// CHECK_FOR_INTERRUPTS() that unwinds C++.
inline void check_for_interrupts() {
  if (unlikely(InterruptPending)) pg_call([] { CHECK_FOR_INTERRUPTS(); });
}

// In a background process's own loop: a cancel is meant for a statement, and there is none.
inline void check_for_interrupts_between_transactions() {
  QueryCancelPending = false;
  check_for_interrupts();
}

}  // namespace cmms::pg

// Defines the SQL-callable function `name`; the body that follows sees `fcinfo` and returns a Datum.
#define CMMS_FUNCTION(name)                                                                        \
  extern "C" {                                                                                     \
  PGDLLEXPORT Datum name(PG_FUNCTION_ARGS);                                                        \
  PG_FUNCTION_INFO_V1(name);                                                                       \
  }                                                                                                \
  static Datum name##_body(FunctionCallInfo fcinfo);                                               \
  Datum name(PG_FUNCTION_ARGS) { return ::cmms::pg::detail::enter_function(name##_body, fcinfo); } \
  static Datum name##_body([[maybe_unused]] FunctionCallInfo fcinfo)
