#include "pg/prelude.hpp"

#include "pg/guc/guc.hpp"

#include <climits>

#include "pg/boundary/versions.hpp"

namespace cmms::pg::guc {
namespace {

int max_workers_value = 8;
int max_connections_value = 256;
int max_attempts_value = 25;
int request_timeout_ms = 30'000;
int fallback_poll_interval_ms = 30'000;
int retry_base_ms = 1'000;
int retry_cap_ms = 300'000;
int max_response_kb = 16 * 1024;
int max_webhook_kb = 8 * 1024;
int sync_log_body_size_bytes = 4 * 1024;
// Read in SQL, by cmms.retention_rule. Plain numbers of days: as a time, 30 without a unit would be minutes.
int audit_log_retention_days = 1'095;
int event_retention_days = 90;
int failure_retention_days = 180;
int sync_log_retention_days = 30;
int webhook_event_retention_days = 30;
bool notify_value = true;

constexpr int one_hour_ms = 3'600'000;
constexpr int one_day_ms = 24 * one_hour_ms;
constexpr int longest_retention_days = 36'500;
constexpr int largest_document_kb = 64 * 1024;  // what the JSON parser takes

struct Setting {
  const char* name;
  const char* short_description;
  const char* long_description;
  int* value;
  int minimum;
  int maximum;
  GucContext context;
  int unit;
};

// Sorted by name. The initial value of each variable above is its default.
const Setting settings[] = {
    {"cmms.audit_log_retention", "Days that entries of cmms.audit_log and decided conflicts are kept.",
     "0: for ever.", &audit_log_retention_days, 0, longest_retention_days, PGC_SIGHUP, 0},
    {"cmms.event_retention", "Days that cmms.event is kept.", "0: for ever.", &event_retention_days, 0,
     longest_retention_days, PGC_SIGHUP, 0},
    {"cmms.failure_retention",
     "Days that failed attempts in cmms.sync_log and failed deliveries in cmms.webhook_event are kept.",
     "0: for ever. Never shorter than the retention of those that went well.", &failure_retention_days, 0,
     longest_retention_days, PGC_SIGHUP, 0},
    {"cmms.fallback_poll_interval", "Longest sleep of an idle sync worker.",
     "Commits wake the worker at once; this bounds the delay should a wake-up be missed.",
     &fallback_poll_interval_ms, 100, one_hour_ms, PGC_SIGHUP, GUC_UNIT_MS},
    {"cmms.max_attempts", "Attempts to push one change before it is rejected.",
     "Only failures that may heal are tried again; a rejected record waits for a person.",
     &max_attempts_value, 1, 100'000, PGC_SIGHUP, 0},
    {"cmms.max_connections", "Open HTTP connections of one sync worker.", nullptr, &max_connections_value, 1,
     10'000, PGC_SIGHUP, 0},
    {"cmms.max_response_size", "Largest response that is accepted from a provider.",
     "A longer response is cut off and its outcome counts as unknown.", &max_response_kb, 64,
     largest_document_kb, PGC_SIGHUP, GUC_UNIT_KB},
    {"cmms.max_webhook_size", "Largest webhook body that cmms.ingest_webhook takes.",
     "A longer body is recorded as too_large without being read.", &max_webhook_kb, 1, largest_document_kb,
     PGC_SIGHUP, GUC_UNIT_KB},
    {"cmms.max_workers", "Databases that are synchronized at a time.",
     "Each takes one background worker out of max_worker_processes.", &max_workers_value, 1, 1'000,
     PGC_POSTMASTER, 0},
    {"cmms.request_timeout", "Longest duration of one request to a provider.", nullptr, &request_timeout_ms,
     100, one_hour_ms, PGC_SIGHUP, GUC_UNIT_MS},
    {"cmms.retry_base", "Delay before the first retry of a failed push.",
     "The delay doubles with each attempt, with jitter, up to cmms.retry_cap.", &retry_base_ms, 10,
     one_hour_ms, PGC_SIGHUP, GUC_UNIT_MS},
    {"cmms.retry_cap", "Longest delay between two attempts of one push.", nullptr, &retry_cap_ms, 10,
     one_day_ms, PGC_SIGHUP, GUC_UNIT_MS},
    {"cmms.sync_log_body_size", "Bytes of each request and response body kept in cmms.sync_log.", nullptr,
     &sync_log_body_size_bytes, 0, 1024 * 1024, PGC_SIGHUP, GUC_UNIT_BYTE},
    {"cmms.sync_log_retention", "Days that successful attempts in cmms.sync_log are kept.", "0: for ever.",
     &sync_log_retention_days, 0, longest_retention_days, PGC_SIGHUP, 0},
    {"cmms.webhook_event_retention", "Days that processed deliveries in cmms.webhook_event are kept.",
     "0: for ever. A delivery that comes again after that is taken for a new one.",
     &webhook_event_retention_days, 0, longest_retention_days, PGC_SIGHUP, 0},
};

}  // namespace

void define() {
  for (const Setting& setting : settings) {
    // A backend that loads the library by itself runs no workers, and it is too late to define such a
    // setting.
    if (setting.context == PGC_POSTMASTER && !process_shared_preload_libraries_in_progress) continue;
    DefineCustomIntVariable(setting.name, setting.short_description, setting.long_description, setting.value,
                            *setting.value, setting.minimum, setting.maximum, setting.context, setting.unit,
                            /* check_hook */ nullptr, /* assign_hook */ nullptr, /* show_hook */ nullptr);
  }
  // PREPARE TRANSACTION refuses transactions that have notified anybody.
  DefineCustomBoolVariable("cmms.notify", "Sends NOTIFY cmms_event for each event.",
                           "Switch it off in transactions that are to be prepared.", &notify_value,
                           notify_value, PGC_USERSET, 0, /* check_hook */ nullptr, /* assign_hook */ nullptr,
                           /* show_hook */ nullptr);
  reserve_setting_prefix("cmms");
}

int max_workers() { return max_workers_value; }
int max_connections() { return max_connections_value; }
int max_attempts() { return max_attempts_value; }
std::chrono::milliseconds request_timeout() { return std::chrono::milliseconds(request_timeout_ms); }
std::chrono::milliseconds fallback_poll_interval() {
  return std::chrono::milliseconds(fallback_poll_interval_ms);
}
std::chrono::milliseconds retry_base() { return std::chrono::milliseconds(retry_base_ms); }
std::chrono::milliseconds retry_cap() { return std::chrono::milliseconds(retry_cap_ms); }
std::size_t max_response_bytes() { return static_cast<std::size_t>(max_response_kb) * 1024; }
std::size_t max_webhook_bytes() { return static_cast<std::size_t>(max_webhook_kb) * 1024; }
bool notify() { return notify_value; }
std::size_t sync_log_body_bytes() { return static_cast<std::size_t>(sync_log_body_size_bytes); }

}  // namespace cmms::pg::guc
