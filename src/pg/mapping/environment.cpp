#include "pg/prelude.hpp"

#include "pg/mapping/environment.hpp"

#include <algorithm>
#include <exception>
#include <map>
#include <string>
#include <string_view>

#include "pg/boundary/guard.hpp"
#include "pg/boundary/versions.hpp"
#include "pg/catalog/owner_scope.hpp"
#include "pg/json/jsonb_reader.hpp"
#include "pg/json/jsonb_writer.hpp"

extern "C" {
#include "catalog/pg_proc.h"
#include "parser/parse_func.h"
#include "utils/datetime.h"
#include "utils/timeout.h"
}

namespace cmms::pg {
namespace {

using mapping::LocalTime;
using mapping::UtcTime;

namespace chrono = std::chrono;

// In the worker nobody waits for the function, and nobody would notice that it does not end.
constexpr chrono::milliseconds longest_call{5000};
constexpr chrono::milliseconds shortest_limit{50};
constexpr chrono::seconds lenient_again_after{60};

int trials = 0;  // TrialScopes that live

// Advanced by every change of a function or schema.
std::uint64_t function_generation = 1;

void on_function_change(Datum, int, uint32) { ++function_generation; }

void watch_functions() {
  static bool is_watching = false;
  if (is_watching) return;
  CacheRegisterSyscacheCallback(PROCOID, on_function_change, Datum{0});
  CacheRegisterSyscacheCallback(NAMESPACEOID, on_function_change, Datum{0});
  is_watching = true;
}

// While it lives the backend is `role`, with what PostgreSQL itself does before it runs functions of tables
// that somebody else owns: no way back to another role, and no setting that outlives the call. After an error
// the abort restores both.
class RoleScope {
 public:
  explicit RoleScope(Oid role) {
    GetUserIdAndSecContext(&caller_, &security_context_);
    guc_level_ = NewGUCNestLevel();
    pg_call([&] {
      set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
                        true, 0, false);
    });
    SetUserIdAndSecContext(role,
                           security_context_ | SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION);
  }
  ~RoleScope() {
    if (std::uncaught_exceptions() > exceptions_) return;
    AtEOXact_GUC(false, guc_level_);
    SetUserIdAndSecContext(caller_, security_context_);
  }
  RoleScope(const RoleScope&) = delete;
  RoleScope& operator=(const RoleScope&) = delete;

 private:
  Oid caller_ = InvalidOid;
  int security_context_ = 0;
  int guc_level_ = 0;
  int exceptions_ = std::uncaught_exceptions();
};

// POSIX rules such as "Foo5" count backwards and accept any name, so a misspelt zone would pass for one.
bool is_posix_rule(std::string_view canonical_name) {
  constexpr std::string_view american = "EST5EDT CST6CDT MST7MDT PST8PDT";
  return canonical_name.find_first_of("0123456789") != std::string_view::npos &&
         canonical_name.find_first_of("abcdefghijklmnopqrstuvwxyz") == std::string_view::npos &&
         american.find(canonical_name) == std::string_view::npos;
}

// PostgreSQL keeps what it has read of a zone for as long as the process lives.
pg_tz* find_zone(std::string_view name) {
  static std::map<std::string, pg_tz*, std::less<>> zones;
  if (const auto known = zones.find(name); known != zones.end()) return known->second;
  const std::string terminated(name);
  pg_tz* zone = pg_call([&] { return pg_tzset(terminated.c_str()); });
  if (zone == nullptr || is_posix_rule(pg_get_timezone_name(zone))) return nullptr;
  if (!pg_call([&] { return pg_tz_acceptable(zone); })) return nullptr;
  zones.emplace(terminated, zone);
  return zone;
}

class DatabaseEnvironment : public mapping::Environment {
 public:
  explicit DatabaseEnvironment(Oid owner) : owner_(owner) {}

  std::optional<UtcTime> to_utc(std::string_view zone, LocalTime time) const override {
    pg_tz* found = find_zone(zone);
    if (found == nullptr) return std::nullopt;
    const auto day = chrono::floor<chrono::days>(time);
    const chrono::year_month_day date(day);
    const chrono::hh_mm_ss clock(time - day);
    struct pg_tm parts {};
    parts.tm_year = static_cast<int>(date.year());
    parts.tm_mon = static_cast<int>(static_cast<unsigned>(date.month()));
    parts.tm_mday = static_cast<int>(static_cast<unsigned>(date.day()));
    parts.tm_hour = static_cast<int>(clock.hours().count());
    parts.tm_min = static_cast<int>(clock.minutes().count());
    parts.tm_sec = static_cast<int>(clock.seconds().count());
    const int west = pg_call([&] { return DetermineTimeZoneOffset(&parts, found); });
    return UtcTime(time.time_since_epoch()) + chrono::seconds(west);
  }

  std::optional<LocalTime> to_local(std::string_view zone, UtcTime time) const override {
    const pg_tz* found = find_zone(zone);
    if (found == nullptr) return std::nullopt;
    const pg_time_t seconds = chrono::floor<chrono::seconds>(time).time_since_epoch().count();
    const pg_tm* parts = pg_call([&] { return pg_localtime(&seconds, found); });
    if (parts == nullptr) return std::nullopt;
    return LocalTime(time.time_since_epoch()) + chrono::seconds(parts->tm_gmtoff);
  }

  Status check_function(std::string_view name) const override {
    const auto error = isolated([&] { find_function(name); });
    if (!error) return Nothing{};
    return Error{ErrorClass::configuration, error->message, error->detail,
                 "Give a function of one argument of type jsonb that returns jsonb and that the owner of the "
                 "foreign server may execute."};
  }

  Result<json::Field> call_function(std::string_view name, const json::Field& value) const override {
    json::Field result;
    const auto error = isolated([&] { result = call(find_function(name), value); });
    if (!error) return result;
    return Error{ErrorClass::validation, error->message, error->detail, error->hint};
  }

 private:
  // Whatever the body does is done as the owner, and undone when it fails or is only a trial.
  template <class Body>
  std::optional<CapturedError> isolated(Body&& body) const {
    bool is_tried = false;
    auto as_owner = [&] {
      {
        const RoleScope role(owner_);
        body();
      }
      is_tried = trials > 0;
      if (is_tried) raise(ERRCODE_SUCCESSFUL_COMPLETION, "only a trial");
    };
    auto error = IsTransactionState() ? in_subtransaction(as_owner) : in_transaction(as_owner);
    return is_tried ? std::nullopt : std::move(error);
  }

  Oid find_function(std::string_view name) const {
    watch_functions();
    if (generation_ != function_generation) functions_.clear();
    generation_ = function_generation;
    const auto known = functions_.find(name);
    const Oid function = known != functions_.end() ? known->second : look_up(std::string(name));
    if (!may_execute(function, owner_)) {
      raise(ERRCODE_INSUFFICIENT_PRIVILEGE, "permission denied for function " + std::string(name),
            "The owner of the foreign server may not execute it.");
    }
    functions_.insert_or_assign(std::string(name), function);
    return function;
  }

  static Oid look_up(const std::string& name) {
    const Oid function = pg_call([&] {
      const Oid argument = JSONBOID;
      return LookupFuncName(qualified_name_list(name.c_str()), 1, &argument, true);
    });
    if (!OidIsValid(function))
      raise(ERRCODE_UNDEFINED_FUNCTION, "function " + name + "(jsonb) does not exist");
    const bool fits = pg_call([&] {
      return get_func_prokind(function) == PROKIND_FUNCTION && get_func_rettype(function) == JSONBOID &&
             !get_func_retset(function);
    });
    if (!fits) {
      raise(ERRCODE_INVALID_FUNCTION_DEFINITION, "function " + name + "(jsonb) does not return one jsonb");
    }
    return function;
  }

  json::Field call(Oid function, const json::Field& value) const {
    const Datum argument = jsonb_from_field(value);
    const auto start = chrono::steady_clock::now();
    if (start - stopped_at_ >= lenient_again_after) limit_ = longest_call;
    Datum result = 0;
    try {
      result = invoke(function, argument, limit_);
    } catch (const PgError& error) {
      // Other cancels are meant for the whole statement.
      const bool is_too_long =
          is_limited() && error.error().is_cancellation() && chrono::steady_clock::now() - start >= limit_;
      if (!is_too_long) throw;
      const std::string seconds = seconds_text(limit_);
      // Everything else waits meanwhile: many records of this kind must not take as long each.
      limit_ = std::max(limit_ / 2, shortest_limit);
      stopped_at_ = chrono::steady_clock::now();
      raise(ERRCODE_OPERATOR_INTERVENTION, "it was stopped after " + seconds + " seconds");
    }
    if (result == 0) return json::Field::null();
    const Jsonb* document = pg_call([&] { return DatumGetJsonbP(result); });
    return json::Field::from(jsonb_value(document));
  }

  static std::string seconds_text(chrono::milliseconds time) {
    std::string text = std::to_string(time.count() / 1000);
    if (const auto rest = time.count() % 1000; rest != 0) text += "." + std::to_string(1000 + rest).substr(1);
    return text;
  }

  // 0: null.
  static Datum invoke(Oid function, Datum argument, chrono::milliseconds limit) {
    const bool limited = is_limited();
    return pg_call([&] {
      FmgrInfo info;
      LOCAL_FCINFO(call, 1);
      fmgr_info(function, &info);
      InitFunctionCallInfoData(*call, &info, 1, InvalidOid, nullptr, nullptr);
      call->args[0].value = argument;
      call->args[0].isnull = false;
      if (limited) enable_timeout_after(STATEMENT_TIMEOUT, static_cast<int>(limit.count()));
      const Datum result = FunctionCallInvoke(call);
      if (limited) disable_timeout(STATEMENT_TIMEOUT, true);
      CHECK_FOR_INTERRUPTS();
      return call->isnull ? Datum{0} : result;
    });
  }

  static bool is_limited() { return MyBackendType == B_BG_WORKER; }

  Oid owner_;
  mutable std::map<std::string, Oid, std::less<>> functions_;
  mutable std::uint64_t generation_ = 0;
  mutable chrono::milliseconds limit_ = longest_call;
  mutable chrono::steady_clock::time_point stopped_at_{};
};

}  // namespace

TrialScope::TrialScope() { ++trials; }

TrialScope::~TrialScope() { --trials; }

std::shared_ptr<const mapping::Environment> make_environment(unsigned int server_owner) {
  return std::make_shared<DatabaseEnvironment>(server_owner);
}

}  // namespace cmms::pg
